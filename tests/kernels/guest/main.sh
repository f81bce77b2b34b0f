# All cells of this boot, in order.
mkdir /run/lower /run/volume
while read -r id; do
  begin "$id"
  sh /guest/cell.sh "$id" 2> /tmp/errors
  tail -n 20 /tmp/errors > /run/out/errors
  end "$id"
  # A setting that can't be undone, or what a container left: the cells that remain get a fresh node.
  clean || break
done < /disk/order
