# shellcheck shell=bash
# Certificates and kubeconfig files, in .cluster/pki: made once for a checkout, again when this file changes.

PKI=$CLUSTER_DIR/pki

make_pki() {
  local stamp
  stamp=$(cat "${BASH_SOURCE[0]}" "$PODVISOR_ROOT/dev/cluster/lib/settings.sh" <(printf %s "$PODVISOR_ROOT") | sha256sum)
  [[ -f $PKI/stamp && $(<"$PKI/stamp") == "$stamp" ]] && return 0
  rm -rf "$PKI"
  mkdir -p "$PKI"
  chmod 700 "$PKI"
  make_authority ca
  make_authority front-proxy-ca
  openssl genrsa -out "$PKI/service-account.key" 2048
  openssl rsa -in "$PKI/service-account.key" -pubout -out "$PKI/service-account.pub"
  make_server_certificates
  make_client_certificates
  printf '%s' "$stamp" >"$PKI/stamp"
}

make_server_certificates() {
  local names='DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local,DNS:localhost'
  make_certificate kube-apiserver ca /CN=kube-apiserver "$names,IP:127.0.0.1,IP:$API_SERVICE_IP,IP:$CONTROL_PLANE_IP"
  local node
  for node in "${NODES[@]}"; do
    make_certificate "$node" ca "/O=system:nodes/CN=system:node:$node" "DNS:$node,IP:$(node_ip "$node")"
    make_kubeconfig "$node"
  done
}

make_client_certificates() {
  make_certificate apiserver-kubelet-client ca /CN=kube-apiserver-kubelet-client
  make_certificate front-proxy-client front-proxy-ca /CN=front-proxy-client
  make_certificate admin ca /O=system:masters/CN=admin
  local name
  for name in kube-controller-manager kube-scheduler kube-proxy coredns multus; do
    make_certificate "$name" ca "/CN=system:$name"
    make_kubeconfig "$name"
  done
  make_kubeconfig admin
}

make_authority() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj "/CN=podvisor-$1" \
    -addext keyUsage=critical,keyCertSign,cRLSign -keyout "$PKI/$1.key" -out "$PKI/$1.crt"
}

# make_certificate NAME AUTHORITY SUBJECT [ALTERNATIVE-NAMES]
make_certificate() {
  local file=$PKI/$1
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$file.key" -out "$file.csr" -subj "$3"
  openssl x509 -req -in "$file.csr" -CA "$PKI/$2.crt" -CAkey "$PKI/$2.key" -CAcreateserial -days 3650 -out "$file.crt" -extfile <(
    printf 'keyUsage=digitalSignature,keyEncipherment\nextendedKeyUsage=serverAuth,clientAuth\n'
    [[ -z ${4:-} ]] || printf 'subjectAltName=%s\n' "$4"
  )
  rm "$file.csr"
}

make_kubeconfig() {
  cat >"$PKI/$1.kubeconfig" <<END
apiVersion: v1
kind: Config
current-context: podvisor-local
clusters:
  - name: podvisor-local
    cluster:
      server: $API_URL
      certificate-authority-data: $(base64 -w0 "$PKI/ca.crt")
users:
  - name: $1
    user:
      client-certificate-data: $(base64 -w0 "$PKI/$1.crt")
      client-key-data: $(base64 -w0 "$PKI/$1.key")
contexts:
  - name: podvisor-local
    context:
      cluster: podvisor-local
      user: $1
END
  chmod 600 "$PKI/$1.kubeconfig"
}
