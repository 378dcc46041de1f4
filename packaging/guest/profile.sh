# For login shells what /usr/lib/environment.d/60-viaduct.conf is for systemd's users. Another vendor's name is kept.
: "${__GLX_VENDOR_LIBRARY_NAME:=viaduct}"
export __GLX_VENDOR_LIBRARY_NAME
