// May a connection be opened now? The sidecar says. One is opened at a time, and a failed
// one rests for 20 s: ten failed logins in 150 s are a lockout.
export class NotReady extends Error {}

export class Gate {
  constructor(url = process.env.SIDECAR_URL, now = () => performance.now()) {
    Object.assign(this, { url: `${url}/readyz`, now, asked: -Infinity, heard: -Infinity, rest: 0, last: Promise.resolve() });
  }
  open(connect) {
    const next = this.last.then(() => this.try(connect));
    this.last = next.catch(() => {});
    return next;
  }
  async try(connect) {
    if (this.now() < this.rest || !(await this.ready())) throw new NotReady("the database is not ready; try again later");
    return connect().catch((why) => { this.rest = this.now() + 20_000; throw why; });
  }
  async ready() { // asks every 2 s at most; the last answer holds for 60 s while no sidecar answers
    if (this.now() - this.asked >= 2_000) {
      this.asked = this.now();
      const { status } = await fetch(this.url, { signal: AbortSignal.timeout(2_000) }).catch(() => ({}));
      if (status === 200 || status === 503) Object.assign(this, { said: status === 200, heard: this.now() });
    }
    return this.said && this.now() - this.heard < 60_000;
  }
}
