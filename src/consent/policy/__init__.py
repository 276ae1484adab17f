"""What does the site declare?"""
