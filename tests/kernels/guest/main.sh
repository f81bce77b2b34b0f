# All cells of this boot, in order.
mkdir /run/lower /run/volume
if [ -e /sys/fs/selinux/enforce ]; then
  # A container with a user namespace gets these from the node, where udev labels them.
  for device in null:null_device_t full:null_device_t zero:zero_device_t random:random_device_t urandom:urandom_device_t tty:devtty_t; do
    setfattr -n security.selinux -v "system_u:object_r:${device#*:}:s0" "/dev/${device%:*}" || tell "trouble no label on $device"
  done
fi
while read -r id; do
  begin "$id"
  sh /guest/cell.sh "$id" 2> /tmp/errors
  tail -n 20 /tmp/errors > /run/out/errors
  end "$id"
  # A setting that can't be undone, or what a container left: the cells that remain get a fresh node.
  clean || break
done < /disk/order
