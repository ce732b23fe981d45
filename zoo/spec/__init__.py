"""What is known of layers before they are built: shapes, arguments, input ranges. No torch."""
