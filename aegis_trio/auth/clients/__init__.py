"""Who the OAuth clients are: by configuration, by registration (RFC 7591), and by the document at their own address."""
