"""What does the visitor see?"""
