"""What is true, without the world: values, rules and decisions that perform no input or output."""
