"""What people ask of a bill across time: questions read, put to an engine in SQL, and told exactly.

No engine is opened here: the stores run what is written here, each in its own words (`speech.py`).
`changed.py` alone works in a database, the temporary tables that a store fills for it.
"""
