"""Training on several replicas and hosts, by tf.distribute."""
