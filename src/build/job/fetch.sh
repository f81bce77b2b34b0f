set -eu
# Steps of any user have the group of the workspace, and may write there.
umask 002
url=$1 revision=$2 target=$3 folder=$4 workspace=$PWD
git init --quiet "./$target"
cd "./$target"
git remote add origin "$url"
if git fetch --depth=1 --recurse-submodules=yes origin "$revision"; then
  git reset --hard FETCH_HEAD
else
  echo "fetching all branches and tags" >&2
  git fetch --tags origin '+refs/heads/*:refs/remotes/origin/*'
  git checkout --force "$revision" --
fi
if ! git submodule update --init --recursive --depth=1; then
  git submodule deinit --all --force
  rm -rf .git/modules
  git submodule update --init --recursive
fi
if ! [ -d "$workspace/$folder" ]; then
  echo "the source has no folder $folder, which subPath names" >&2
  exit 1
fi
