"""What may leave the server?"""

from .html import Gate, Held, Unreadable, UnreadableEncoding
from .match import Rules

__all__ = ["Gate", "Held", "Rules", "Unreadable", "UnreadableEncoding"]
