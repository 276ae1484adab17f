"""Who is asking, and what did they say?"""
