# Runs inside the guest, as root, once it is up: the steps of /suite/steps, one a line: NAME|VARIABLES|FILES.
# Reports (JUnit, skips, logs) go to the third disk as a tar file. Then the machine is switched off.
stty -F /dev/ttyS1 -onlcr 2>/dev/null
export HOME=/root XDG_CACHE_HOME=/suite/cache LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
out=/run/out
mkdir -p $out
cd /suite
uptime=$(cut -d' ' -f1 /proc/uptime)
echo "guest: Linux $(uname -r), $(systemctl --version | head -n 1), up after $uptime s"
ln -sf /suite/dist/bunker /usr/local/bin/bunker
mount -t tmpfs -o mode=1777,size=50% tmpfs /tmp
if [ -s /suite/command ]; then
  /bin/bash /suite/command
  echo "guest: status $?"
else
  while IFS='|' read -r name variables files; do
    echo "guest: step $name"
    # shellcheck disable=SC2086
    env $variables BUNKER_TEST_PATIENCE=10 BUNKER_TEST_SKIPS=$out/$name.skips timeout -k 10 5400 node_modules/bun/bin/bun.exe test \
      --timeout=1200000 --reporter=junit --reporter-outfile=$out/$name.xml $files < /dev/null > $out/$name.log 2>&1
    status=$?
    grep -a '^(fail)' $out/$name.log
    echo "guest: step $name ended with $status, up $(cut -d' ' -f1 /proc/uptime) s"
  done < /suite/steps
fi
tar -C $out -cf /dev/vdc .
sync
systemctl poweroff --force --force
