"""What the gRPC face tells: its model, its fold. Pure: no socket, no clock."""
