"""What the web sites of an installation share: visits and their protection, passes, templates and the style sheet.

Belongs here: what the portal and the console both need. Does not belong here: pages, and rules about persons. Pages
work without JavaScript.
"""
