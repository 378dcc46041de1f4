# For jobs. What a job prints goes to the serial line, which the test on the host reads.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 HOME=/root DEBIAN_FRONTEND=noninteractive
export SYSTEMD_COLORS=0 SYSTEMD_URLIFY=0 SYSTEMD_PAGER=
manifest=/usr/share/vulkan/icd.d/viaduct_icd.json

# wait_for SECONDS COMMAND...: until the command succeeds; fails when the time is over.
wait_for() {
  wait_until=$(($(cut -d. -f1 /proc/uptime) + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ "$(cut -d. -f1 /proc/uptime)" -lt $wait_until ] || { echo "waited in vain for: $*"; return 1; }
    sleep 0.1
  done
}

# hear WORD: until the test says so (Machine.tell), whose deadline ends the machine otherwise.
hear() {
  heard=
  while [ "$heard" != "$1" ] && read -r heard <&3; do :; done
  [ "$heard" = "$1" ]
}

# check NAME COMMAND...: one line on how it went; what the command printed goes before it when it failed.
check() {
  check_name=$1
  shift
  if check_text=$("$@" 2>&1); then
    echo "CHECK ok: $check_name"
  else
    check_status=$?
    printf '%s\n' "$check_text"
    echo "CHECK failed: $check_name (status $check_status)"
  fi
}

install_package() {
  dpkg --force-unsafe-io -i viaduct-"$1"_*.deb >/run/dpkg.log 2>&1 || { cat /run/dpkg.log; return 1; }
}

# What OpenGL programs are rendered by, under one X server for all of them.
renderers() {
  timeout 200 xvfb-run -a sh -c '. /etc/profile
    timeout 90 glxinfo -B 2>&1 | sed -n "s/^OpenGL renderer string:/GLX:/p; /warn gl:/p"
    timeout 90 es2_info 2>&1 | sed -n "s/^GL_RENDERER:/EGL:/p; /warn gl:/p"'
}

# The driver alone, whatever else is installed.
only_viaduct() { VK_DRIVER_FILES=$manifest VK_ICD_FILENAMES=$manifest timeout 120 "$@"; }

# What a purge of both packages leaves that was not there before.
left_behind() {
  find / -xdev -iname '*viaduct*' ! -path '/run/*' ! -path '/proc/*' ! -path '/sys/*' ! -path '/tmp/*' \
    ! -path '/var/lib/dpkg/info/*' ! -path '/var/log/*'
  grep -s viaduct /etc/passwd /etc/group /etc/shadow
}
