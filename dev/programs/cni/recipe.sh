# shellcheck shell=bash disable=SC2034 # read by dev/programs/build
packages=(
  github.com/containernetworking/plugins/plugins/ipam/{dhcp,host-local,static}
  github.com/containernetworking/plugins/plugins/main/{bridge,host-device,ipvlan,loopback,macvlan,ptp,tap,vlan}
  github.com/containernetworking/plugins/plugins/meta/{bandwidth,firewall,portmap,sbr,tuning,vrf}
)
version_module=github.com/containernetworking/plugins
version_flags=(github.com/containernetworking/plugins/pkg/utils/buildversion.BuildVersion=@VERSION@)
