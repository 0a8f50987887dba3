// Compiled, never run: what a TypeScript user of the package writes. Where the compiler is told to
// expect an error, it complains if there is none.

import Gossip = require('seneca-gossip');

// Seneca's own types say any as well.
declare const seneca: any;

seneca.use(Gossip, { port: 4444, pin: 'role:api' });

const options: Gossip.Options = {
  port: 4444,
  host: '127.0.0.1',
  advertise: 'box.example',
  type: 'tcp',
  pin: ['role:api', { role: 'user' }],
  listen: [
    {
      pin: 'role:user,cmd:get',
      concurrency: 10,
      model: 'consume',
      strategy: 'p2c',
      retry: 1,
      timeout: 500,
    },
    { pin: 'role:room', shard: 'room.id' },
    {
      pin: 'role:cart',
      shard: { key: 'id', shards: 1024, replicas: 1, optional: true, handover: 5000 },
    },
    // @ts-expect-error: a path is text
    { pin: 'role:door', shard: { key: ['id'] } },
  ],
  need: 'role:api',
  seeds: ['127.0.0.1:4445'],
  cluster: 'default',
  meta: { zone: 'a' },
  jointime: 1000,
  drain: 5000,
  override: false,
  weight: 1,
  signals: true,
  gossip: { port: 4445, interval: 200, ping: 500, phi: 8 },
};
Gossip(seneca).start(options);

Gossip(seneca).start({ port: 4444, pin: 'role:api', seeds: ['127.0.0.1:4445'] });

// @ts-expect-error a port is a number
Gossip(seneca).start({ port: '4444' });
// @ts-expect-error an unknown option
Gossip(seneca).start({ porte: 4444 });
// @ts-expect-error an unknown strategy
Gossip(seneca).start({ listen: [{ pin: 'a:1', strategy: 'fastest' }] });

const gossiper = new Gossip.Gossiper(4445, ['127.0.0.1:4446'], '127.0.0.1');
gossiper.start((err) => {
  if (err) throw err;
});
gossiper.setLocalState('load', { now: 1 });
const names: string[] = [
  ...gossiper.allPeers(),
  ...gossiper.livePeers(),
  ...gossiper.deadPeers(),
  ...gossiper.peerKeys('127.0.0.1:4446'),
];
gossiper.peerValue('127.0.0.1:4446', 'load');
gossiper.getLocalState('load');
gossiper.on('update', (peer, key, value) => {
  const text: string = `${peer} ${key}`;
  console.log(text, value, names);
});
for (const name of ['new_peer', 'peer_alive', 'peer_failed', 'peer_left'] as const) {
  gossiper.on(name, (peer) => console.log(peer.toUpperCase()));
}
// @ts-expect-error events hand over the name of a peer, which is a string
gossiper.on('new_peer', (peer: number) => console.log(peer));
gossiper.stop(() => {});
