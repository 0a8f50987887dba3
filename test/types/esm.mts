// The same package from an ES module.

import type Gossip from 'seneca-gossip';
import { Gossiper } from 'seneca-gossip';

const gossiper = new Gossiper(4445, []);
gossiper.start();
const options: Gossip.Options = { port: 0, seeds: ['127.0.0.1:4445'] };
console.log(options, gossiper.livePeers().length);
