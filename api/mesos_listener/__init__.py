"""The mesos-listener: what runs in the cluster, from the Mesos operator event stream to gRPC."""
