"""Reading live things well: folders, files and what the file system says of them. Knows no format.

Every call is relative to the descriptor of an open folder and names one component: a tree may be deeper
than the longest path that the system takes, and a folder that is renamed under us is still the same folder.
Names are bytes. What cannot be read is `Unreadable`.
"""
