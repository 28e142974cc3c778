"""The web portal: a person's data, consents and requests, and the privacy officer's queue of requests.

Belongs here: sessions and their protection, sign-in by mail, pages, templates and the style sheet. Does not belong
here: rules about requests (`privacy.rights`) and consents (`privacy.consent`). The pages work without JavaScript.
"""
