"""What is known of layers before they are built: shapes, arguments, schemas. No torch."""
