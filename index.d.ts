// Types of seneca-gossip. What comes from Seneca is `any`, since its own types differ by version.

import { EventEmitter } from 'node:events';

/**
 * The plugin: `seneca.use(require('seneca-gossip'), options)`. Called with a Seneca
 * instance it is the seed project's form: `Gossip(seneca).start(options)`.
 */
declare function gossip(seneca: gossip.SenecaInstance): gossip.Starter;
declare function gossip(this: any, options?: gossip.Options): any;

declare namespace gossip {
  /** A Seneca instance, as far as this package needs to know it. */
  interface SenecaInstance {
    readonly isSeneca: true;
    [member: string]: any;
  }

  /** What `Gossip(seneca)` gives. */
  interface Starter {
    /** As `seneca.use` with these options; a wrong one is thrown here. `ready` is called when the node has joined. */
    start(options?: Options, ready?: () => void): SenecaInstance;
    /** Leaves the cluster and closes the instance. */
    stop(done?: (err?: Error) => void): any;
  }

  /** A message pattern: `'role:api,cmd:add'` (several with `;`), or an object. */
  type Pin = string | Record<string, string | number | boolean>;

  /** Options of the plugin. */
  interface Options {
    /** Port of the service; 0, the default, takes a free one. The gossip port is port + 1. */
    port?: number;
    /** Address to bind to, or an interface (`'@eth0'`). Default `'127.0.0.1'`. */
    host?: string;
    /** Host (or interface) under which others reach this node, and ports where a mapping changes them. Default: `host`; for `'0.0.0.0'` the local address of the route to the first seed. */
    advertise?: string | Advertise;
    /** Transport of calls. Default `'tcp'`; others need their transport plugin. */
    type?: string;
    /** What this node may be asked. It publishes the patterns that it really answers inside. Without it the node only calls. */
    pin?: Pin | Pin[];
    /** The long form of `pin`. */
    listen?: Listen | Listen[];
    /** What this node will call: calls to it wait for the first node that answers. */
    need?: Pin | Pin[];
    /** Gossip addresses (`'host:gossip_port'`) of nodes to join by, SRV names (`'_gossip._udp.example.org'`), or a function that gives them. */
    seeds?: string | string[] | (() => string[] | Promise<string[]>);
    /** Finds nodes on the same network that have it as well, without seeds. `host` is then `'0.0.0.0'` by default. */
    discover?: Discover;
    /** Name of the cluster; nodes of another one are refused. Default `'default'`. */
    cluster?: string;
    /** Free tags, shown to all members. */
    meta?: Record<string, any>;
    /** How long `ready` waits for the first sync, ms. Default 1000. */
    jointime?: number;
    /** How long `close` waits for calls in flight, ms. Default 5000. */
    drain?: number;
    /** Do remote routes go over local actions of the same pattern? Default false. */
    override?: boolean;
    /** Share of calls relative to other nodes. Default 1. */
    weight?: number;
    /** Close on SIGTERM and SIGINT, unless the process has handlers of its own. Default true. */
    signals?: boolean;
    /** Networks (`'10.0.0.0/8'`) or addresses that may reach both ports. Default: all. */
    allow?: string | string[];
    /** Calls go over TLS, and only members may call. */
    tls?: TlsOptions;
    /** Settings of the gossip engine. */
    gossip?: GossipOptions;
  }

  /** PEM. */
  type Pem = string | Buffer | (string | Buffer)[];

  /** What node:tls is given for the call port and for calls. */
  interface TlsOptions {
    /** The cluster's authority: whoever has a certificate of it may call. */
    ca: Pem;
    cert: Pem;
    key: Pem;
    passphrase?: string;
    crl?: Pem;
    ciphers?: string;
    /** Default `'TLSv1.2'`. */
    minVersion?: import('node:tls').SecureVersion;
    maxVersion?: import('node:tls').SecureVersion;
    /** A name that the certificates of all members must have. Default: the authority alone counts. */
    servername?: string;
    /** Must callers show a certificate? Default true. */
    requestCert?: boolean;
    /** Are nodes without TLS served and called as well? Default false. */
    plain?: boolean;
  }

  /** How nodes find each other without seeds. */
  type Discover = 'multicast' | { multicast: true | MulticastOptions };

  interface MulticastOptions {
    /** The group, the same on all nodes. Default `'239.255.83.71'`. */
    group?: string;
    /** Its port, the same on all nodes. Default 8371. */
    port?: number;
    /** The one interface that is used (`'@eth0'`, or its IPv4 address). Default: all. */
    interface?: string;
  }

  /** Under what others reach a node; what is left out is as it is bound. */
  interface Advertise {
    /** Host name, address, or interface (`'@eth0'`). */
    host?: string;
    /** Port for calls. */
    port?: number;
    gossipPort?: number;
  }

  /** One entry of `listen`. */
  interface Listen {
    pin: Pin | Pin[];
    /** `consume` (default): one node gets a message. `observe`: all do, the first reply wins and none is required. */
    model?: 'consume' | 'observe';
    /** How the node of a call is chosen. Default `p2c`, the less loaded of two. */
    strategy?: 'p2c' | 'round-robin' | 'random';
    /** How often a call that may have run is made again when its node is lost. Default 0. */
    retry?: number;
    /** Deadline of a call, ms. Default: the caller's own. */
    timeout?: number;
    /** How long a call waits when no node answers the pattern, ms. Default 0. */
    wait?: number;
    /** Calls that one caller has in flight at one node, at most. */
    concurrency?: number;
    /** The key, or a path such as `'user.id'`, by whose value calls go to one node each. */
    shard?: string | Sharding;
  }

  /** How the keys of a pin are shared out. */
  interface Sharding {
    /** Name of the key in a message, or a path such as `'user.id'`. */
    key: string;
    /** Into how many shards the keys are divided, the same on all nodes. Default 16384. */
    shards?: number;
    /** How many further nodes `get:owner` names. Default 0. */
    replicas?: number;
    /** May a message go without the key? It then goes anywhere. Default false. */
    optional?: boolean;
    /** How long a shard may take to change its owner, ms; the same on all nodes. Default 10000. */
    handover?: number;
  }

  /** The message `sys:gossip,on:shards`. */
  interface ShardsMoved {
    pin: string;
    /** Numbers of shards whose calls wait for the reply. */
    gained: number[];
    /** Numbers of shards that are given away after the reply. */
    lost: number[];
    /** Above that of every owner before, as far as this node has heard of them. */
    epoch: number;
  }

  /** `seneca.export('gossip/owns')`: may this node work on a key now? The pin may be left out where it has one. */
  type Owns = (key: string | number | boolean, pin?: Pin) => boolean;
  /** `seneca.export('gossip/shard')`: the shard of a key. */
  type ShardOf = (key: string | number | boolean, pin?: Pin) => number;

  /** What `sys:gossip,get:owner` answers. */
  interface KeyOwner {
    ok: true;
    shard: number;
    /** Name of the node that shall own it; null when nobody takes shards. */
    owner: string | null;
    /** Who is next, best first. */
    replicas: string[];
    /** Is it this node? */
    self: boolean;
    /** May this node run calls of it now? */
    held: boolean;
  }

  /** Settings of the gossip engine; times in ms. */
  interface Timings {
    /** Between two gossip rounds. Default 200. */
    interval?: number;
    /** Between two pings of a watched node. Default 500. */
    ping?: number;
    /** Threshold of the phi accrual failure detector. Default 8. */
    phi?: number;
    /** A node is not suspected before it was silent for so long. Default 2100. */
    silence?: number;
    /** How long an accusation stands before its node is dead. Default 500. */
    refute?: number;
    /** Nodes that watch a node, at most. Default 8. */
    observers?: number;
    /** How long dead nodes are remembered. Default 24 hours. */
    remember?: number;
    /** How many dead nodes are remembered at most. Default 256. */
    rememberMax?: number;
    /** How long removed keys are remembered. Default one hour. */
    tombstones?: number;
    /** Between two lookups of seeds (names, SRV records, a function) once the node has joined. Default 30000. */
    resolve?: number;
    /** What a full message tells first: the node with most changes, or one of each. Default 'depth'. */
    order?: 'depth' | 'breadth';
    /** Seals gossip; see `Keys`. Default: it is not sealed. */
    key?: Keys | (() => Keys);
  }

  /**
   * 32 bytes in base64, as `npx seneca-gossip keygen` prints them, or several: the first one seals, all open. `'plain'` is
   * an entry for gossip without a seal.
   */
  type Keys = string | string[];

  /** A key as it may be shown. */
  interface KeyView {
    /** Eight hex digits, or `'plain'`. */
    fingerprint: string;
    /** Is it what this node seals with? */
    current: boolean;
  }

  interface GossipOptions extends Timings {
    /** The gossip port, UDP and TCP. Default: the service's port + 1. */
    port?: number;
    /** Address to bind the gossip port to. Default: `host`. */
    host?: string;
  }

  type Status = 'alive' | 'suspect' | 'dead' | 'leaving' | 'left';

  /** A member, as `sys:gossip,get:members` shows it. */
  interface Member {
    /** `host:gossip_port`. */
    name: string;
    /** Host and port of its service; of its gossip port where it has none. */
    host: string;
    port: number;
    status: Status;
    /** When it was started, in ms since 1970: a restart has a higher one. */
    generation: number;
    /** How often it has refuted an accusation. */
    incarnation: number;
    /** Suspicion by our own pings; null when we do not watch it. */
    phi: number | null;
    /** Last round trip, ms; null when never pinged. */
    rtt: number | null;
    /** Its event loop lags, by its own word. */
    stalled: boolean;
    /** Is it this node? */
    self: boolean;
    /** What it may be asked. */
    pins: string[];
    /** What it really answers. */
    patterns: string[];
    services: Service[];
    meta: Record<string, any>;
    /** Its gossip address. */
    gossip: string;
  }

  interface Service {
    host: string;
    port: number;
    type: string;
    /** Seneca's id of the instance. */
    instance: string;
    weight: number;
    pins: string[];
  }

  /** Options of a `Gossiper`. */
  interface GossiperOptions extends Timings {
    /** The gossip port, UDP and TCP; 0, the default, takes a free one. */
    port?: number;
    seeds?: string | string[];
    discover?: Discover;
    /** Address to bind to. Default `'127.0.0.1'`. */
    host?: string;
    advertise?: string | Pick<Advertise, 'host' | 'gossipPort'>;
    cluster?: string;
    /** Networks that may reach the port. Default: all. */
    allow?: string | string[];
  }

  /** Who a started `Gossiper` is. */
  interface Info {
    /** `host:port`, as the others call it. */
    name: string;
    /** As advertised. */
    host: string;
    /** The gossip port. */
    port: number;
    generation: number;
  }

  interface GossiperEvents {
    /** A key of a peer changed; `value` is undefined when it was removed. */
    update: [peer: string, key: string, value: any];
    new_peer: [peer: string];
    peer_alive: [peer: string];
    peer_suspect: [peer: string];
    peer_failed: [peer: string];
    peer_leaving: [peer: string];
    peer_left: [peer: string];
    peer_forgotten: [peer: string];
    /** Nothing that was set waits any more. */
    drain: [];
    /** The first full exchange with another node is complete. */
    synced: [];
    seed_failed: [address: string, reason: string];
    log: [level: string, text: string];
  }

  /** The cluster without Seneca, with the seed project's names. */
  class Gossiper extends EventEmitter<GossiperEvents> {
    constructor(port?: number, seeds?: string | string[], host?: string);
    constructor(options: GossiperOptions);
    /** Who this node is, once started. */
    readonly info: Info | null;
    readonly name: string | null;
    readonly running: boolean;
    start(): Promise<Info>;
    start(callback: (err: Error | null, info?: Info) => void): this;
    /** Stops at once: to the others that looks like a crash. */
    stop(): Promise<void>;
    stop(callback: (err?: Error | null) => void): this;
    /** Says goodbye, then stops. */
    leave(): Promise<void>;
    leave(callback: (err?: Error | null) => void): this;
    /** Adds a key, has it seal (`use`), or removes it. It is named by itself or by its fingerprint. */
    changeKeys(what: 'add' | 'use' | 'remove', key: string): KeyView[];
    /** Replaces the seeds while the node runs. */
    setSeeds(seeds: string | string[]): void;
    /**
     * Sets a key of this node: anything JSON can carry. undefined removes it. false: more is changed
     * than the cluster can carry, the others hear of it later; 'drain' says when they were told.
     */
    setLocalState(key: string, value: any): boolean;
    getLocalState(key: string): any;
    peerKeys(peer: string): string[];
    peerValue(peer: string, key: string): any;
    /** Every known node, this one included. */
    allPeers(): string[];
    /** Nodes that answer, this one included. */
    livePeers(): string[];
    /** Nodes that failed or left. */
    deadPeers(): string[];
    members(): any[];
    /** Counters, what was dropped, version. */
    status(): any;
  }

  /** Codes of errors of calls, with their texts. */
  const errors: Readonly<Record<string, string>>;

  /** Defaults of the options, as a Gubu shape. */
  function defaults(seneca: { valid: any }): any;

  /** For tests of this package only. */
  const intern: any;
}

export = gossip;
