# The volume that a cell's state dir lies on, made anew for each container. Settings and `bad` are those of cell.sh.
V=/run/volume; FS=/run/fs; IMAGE=/disk/image

# usage: in_file MKFS TYPE OPTIONS: a file system in a file of the work disk.
in_file() {
  truncate -s 512M $IMAGE; $1 $IMAGE > /run/mkfs 2>&1 || bad "$1: $(tr '\n' ' ' < /run/mkfs)"
  /usr/bin/mount -t "$2" -o "loop$3" $IMAGE $FS 2> /run/refused || bad "$2 $3: $(cat /run/refused)"
  mkdir $FS/volume; mount --bind $FS/volume $V
}
XFS="mkfs.xfs -q -f -i nrext64=0,exchange=0"
EXT4="mkfs.ext4 -q -F -O ^has_journal,^metadata_csum_seed,^orphan_file -m 0"

# The node's part: servers and modules.
volume_node() {
  mkdir -p $FS
  case $STATE$STATE_INODES in ext4?* | xfs*) load loop; load xfs;; btrfs) load loop; load btrfs;; nfs*) nfs_server;; virtiofs) load virtiofs; later 'rmmod virtiofs 2> /dev/null';; esac
}

# The kernel's own NFS server, told by its files what others tell it by rpc.nfsd, exportfs and rpc.mountd.
nfs_server() {
  load nfsd; load nfsv4; nfsd=/proc/fs/nfsd rpc=/proc/net/rpc never=2147483647
  mount -t nfsd nfsd $nfsd || bad "no nfsd"
  later "echo 0 > $nfsd/threads; umount $nfsd"
  echo "-2 -3 +4" > $nfsd/versions; echo 10 > $nfsd/nfsv4leasetime; echo 10 > $nfsd/nfsv4gracetime
  echo "tcp 2049" > $nfsd/portlist || bad "no port for nfsd"
  echo 2 > $nfsd/threads || bad "no threads of nfsd"
  for cache in auth.unix.ip nfsd.export nfsd.fh; do echo $never > $rpc/$cache/flush; done
  # NFSEXP_INSECURE_PORT, ASYNC, NOSUBTREECHECK, FSID; and ROOTSQUASH.
  flags=$((0x2 | 0x10 | 0x400 | 0x2000)); [ "$STATE" = nfs ] || flags=$((flags | 0x4))
  printf 'nfsd 127.0.0.1 %s *\n' $never > $rpc/auth.unix.ip/channel || bad "no client"
  printf '* /disk %s %s 65534 65534 0\n' $never $flags > $rpc/nfsd.export/channel || bad "no export"
  printf '* 1 \\x00000000 %s /disk\n' $never > $rpc/nfsd.fh/channel || bad "no file handle"
}

# One container's, empty. The container's files lie in $W.
volume() {
  [ "$STATE" = overlay ] || mounted
  # A disk is filled by something else on it.
  [ -z "$STATE_FREE" ] || [ "$STATE" = tmpfs ] || {
    sync; free=$(df -k /disk | awk 'NR == 2 { print $4 }')
    /usr/bin/fallocate -l "$((free - STATE_FREE))KiB" /disk/filler || bad "the disk can't be filled"
    echo "@free $(df -k /disk | awk 'NR == 2 { print $4 }')" >> "$log"
  }
}
mounted() {
  case $STATE$STATE_INODES in
  ext4 | hung) mount --bind $W/volume $V;;
  ext4*) in_file "$EXT4" ext4 "$([ "$STATE" = ext4 ] || echo ,nouser_xattr)";;
  xfs) in_file "$XFS" xfs "${STATE_QUOTA:+,uquota,pquota}";;
  xfs-no-ftype) in_file "$XFS -m crc=0 -n ftype=0" xfs;;
  btrfs) in_file mkfs.btrfs btrfs;;
  tmpfs*) mount -t tmpfs -o "size=${STATE_FREE:-524288}k${STATE_INODES:+,nr_inodes=$((STATE_INODES + 1))}" tmpfs $V;;
  nfs*)
    chmod 777 $W/volume; mount -i -t nfs4 -o vers=4.2,addr=127.0.0.1,clientaddr=127.0.0.1 127.0.0.1:/run/volume $V || bad "no NFS"
    # Which waits until the server's grace period is over.
    : > $V/file && rm $V/file || bad "NFS takes no file";;
  virtiofs) mount -t virtiofs shared $FS && mkdir $FS/volume && mount --bind $FS/volume $V || bad "no virtiofs";;
  fuse-no-chown) bindfs --chown-deny --chgrp-deny $W/volume $V || bad "bindfs";;
  fuse-no-xattr) bindfs --xattr-none $W/volume $V || bad "bindfs";;
  fuse-no-mmap) bindfs -o direct_io $W/volume $V || bad "bindfs";;
  fuse-no-symlink) bindfs --resolve-symlinks $W/volume $V || bad "bindfs";;
  fuse-user)
    mkdir -m 755 $W/fuse $W/fuse/lower $W/fuse/upper $W/fuse/work; chown -R 1000:1000 $W/fuse $V; chmod 666 /dev/fuse
    /usr/bin/setpriv --reuid 1000 --regid 1000 --clear-groups --inh-caps +sys_admin --ambient-caps +sys_admin --bounding-set -all,+sys_admin \
      fuse-overlayfs -o "lowerdir=$W/fuse/lower,upperdir=$W/fuse/upper,workdir=$W/fuse/work,allow_other" $V || bad "fuse-overlayfs";;
  *) bad "no volume $STATE";;
  esac
  # NFS and FUSE give way to a directory's own mode and owner on the server.
  own=$V; case $STATE in nfs* | fuse-no*) own=$W/volume;; esac
  case $STATE_OWNER in anybody) chmod 777 $own;; root) chmod 755 $own;; esac
  [ -z "$FS_GROUP" ] || { chgrp "$FS_GROUP" $own && chmod g+rwxs $own; }
  labelled $V
  [ -z "$STATE_FLAGS" ] || mount -o "remount,bind,$STATE_FLAGS" $V || bad "state flags $STATE_FLAGS"
  [ -z "$STATE_QUOTA" ] || quota $STATE_QUOTA
  if [ "$STATE" = ext4 ] && [ -n "$STATE_INODES" ]; then
    free=$(df -i $FS | awk 'NR == 2 { print $4 }'); mkdir $FS/filler
    (cd $FS/filler && seq $((free - 1 - STATE_INODES)) | xargs touch) || bad "the inodes can't be used up"
    [ "$(df -i $FS | awk 'NR == 2 { print $4 }')" = "$STATE_INODES" ] || bad "$(df -i $FS) inodes"
  fi
}

# usage: quota user|project KIB INODES
quota() {
  limits="bhard=${2}k ihard=$3"
  case $1 in
  user) limit="limit -u $limits 1000";;
  project) xfs_quota -x -c "project -s -p $FS/volume 1" $FS > /run/quota 2>&1 || bad "$(cat /run/quota)"; limit="limit -p $limits 1";;
  esac
  xfs_quota -x -c "$limit" $FS > /run/quota 2>&1 || bad "$(cat /run/quota)"
}

volume_gone() {
  [ "$STATE" = overlay ] || umount -l $V
  [ "$STATE" != virtiofs ] || rm -rf $FS/volume
  ! mountpoint -q $FS || umount -l $FS
  rm -f $IMAGE /disk/filler
  # Its server ends when it is no longer asked.
  case $STATE in fuse*) for try in $(seq 50); do pidof bindfs fuse-overlayfs > /dev/null || break; sleep 0.1; done;; esac
  [ "$STATE" != fuse-user ] || chmod 600 /dev/fuse
}
