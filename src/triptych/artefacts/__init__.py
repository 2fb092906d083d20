"""What is written for people and other tools: tables, figures, point clouds, video."""
