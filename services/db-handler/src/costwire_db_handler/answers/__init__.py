"""What people ask of a bill across time: questions read, put to an engine in SQL, and told exactly.

Pure: no database is asked here; the stores run what is written here, each in its own words.
"""
