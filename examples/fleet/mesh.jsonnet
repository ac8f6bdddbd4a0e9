// A file for each host. With jsonnet: jsonnet -m hosts mesh.jsonnet
local inventory = import 'inventory.json';
local peers = [
  { dst: inventory.hosts[name].outer, name: name }
  for name in std.objectFields(inventory.hosts)
];

{
  [name + '.json']: {
    vxlan: {
      mesh0: {
        vni: inventory.vni,
        'local': inventory.hosts[name].outer,
        addresses: [inventory.hosts[name].inner],
        peers: peers,
      },
    },
  }
  for name in std.objectFields(inventory.hosts)
}
