"""The document register: number series, documents, the outgoing register, forms of Decree 30, and search."""
