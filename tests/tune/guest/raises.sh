# usage: raises.sh CONFIG SYSCTL=VALUE...   What is low is raised from a pod like the DaemonSet's, and a real build works.
. /guest/lib.sh
config=$1; shift
healthy
everything > $out/sysctls.first
low "$@"
everything > $out/sysctls.low
container before node
everything > $out/sysctls.before
settle
container tune "$config"
everything > $out/sysctls.after
container after node
healthy
