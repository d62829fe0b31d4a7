"""Metadata stores: the truth about names, edges and permissions to read, in SQL.

`changes`, `reading`, `collection` and `audit` hold one set of statements as plain functions over a
blocking `connection.Connection`; `store` makes a `MetadataStore` of them; `sqlite` is the one
database there is so far.
"""
