"""Compatible mode: deliveries out of an exporter that offers none, the original one."""
