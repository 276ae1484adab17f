"""What may leave the server?"""

from .html import Gate, Held, UnreadableEncoding
from .match import Rules

__all__ = ["Gate", "Held", "Rules", "UnreadableEncoding"]
