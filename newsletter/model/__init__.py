"""The words of the project as frozen data; no input, no output.

    Issue --parse--> Digest --render--> Email --compose--> Message
    Subscriber, List, Suppression                       (who)
    Send, Delivery                                      (what happened)

Each word is defined once, in docs/glossary.md.
"""
