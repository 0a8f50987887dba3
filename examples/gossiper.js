'use strict';

// The cluster without Seneca: three nodes in one process, a key that travels, a
// node that fails and one that leaves.

const { Gossiper } = require('seneca-gossip');

const seed = new Gossiper(9000, [], '127.0.0.1');
const second = new Gossiper(9001, ['127.0.0.1:9000'], '127.0.0.1');
const third = new Gossiper(9002, ['127.0.0.1:9000'], '127.0.0.1');

seed.on('new_peer', (peer) => console.log(`new_peer     ${peer}`));
seed.on('peer_alive', (peer) => console.log(`peer_alive   ${peer}`));
seed.on('peer_failed', (peer) => console.log(`peer_failed  ${peer}`));
seed.on('peer_left', (peer) => console.log(`peer_left    ${peer}`));
seed.on('update', (peer, key, value) => console.log(`update       ${peer} ${key} =`, value));

const pause = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function main() {
  await Promise.all([seed.start(), second.start(), third.start()]);
  await pause(1000);
  console.log('live:', seed.livePeers());

  second.setLocalState('load', { cpu: 0.5 });
  await pause(500);
  console.log('as the third sees it:', third.peerValue('127.0.0.1:9001', 'load'));

  console.log('the second leaves, the third stops without a word');
  await second.leave();
  await third.stop();
  await pause(4000);
  console.log('live:', seed.livePeers(), 'dead:', seed.deadPeers());
  await seed.leave();
}

main();
