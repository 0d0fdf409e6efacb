"""Devices, hosts and replicas: the only package that uses tf.distribute."""
