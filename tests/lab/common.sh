# Shared by build, run and runner.t: where the lab's image is, and messages.
# shellcheck shell=bash

lab_sources=$(dirname "$(realpath "${BASH_SOURCE[0]}")")

die() {
	echo "${0##*/}: $2" >&2
	exit "$1"
}

# The machine's own suite, which is also the image's: what is built here runs in there.
host_suite() {
	# shellcheck source=/dev/null
	(. /etc/os-release && echo "$VERSION_CODENAME")
}

# own_mirror SUITE: the mirror that this machine itself installs that suite from.
# apt knows, in whichever form its sources are written, once it has read the lists.
own_mirror() {
	# shellcheck disable=SC2016  # these are apt's words, not the shell's
	apt-get indextargets --format '$(ORIGIN)|$(CODENAME)|$(COMPONENT)|$(REPO_URI)' 'Identifier: Packages' |
		awk -F '|' -v suite="$1" '$1 == "Debian" && $2 == suite && $3 == "main" && !seen++ { print $4 }'
}

# A name for what the image is made from. Another script or suite makes another key.
image_key() {
	(
		cd "$lab_sources" || exit
		host_suite
		find build common.sh first-boot image initramfs -type f -perm /111 | LC_ALL=C sort
		find build common.sh first-boot image initramfs -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
	) | sha256sum | cut -c 1-16
}

# image_folder CACHE: where the image of these sources is, or will be.
image_folder() {
	echo "$1/$(image_key)"
}

# tree_program IMAGE PROGRAM ARG...: run a program that came with the image, on this machine.
# It has its own libraries beside it; nothing of it is installed here.
tree_program() {
	local qemu=$1/qemu program=$2
	shift 2
	"$qemu/ld.so" --library-path "$qemu/lib" "$qemu/$program" "$@"
}
