"""Tables that stay on disk: their rows are read when somebody asks for them."""
