/** Figures for Prometheus: what dispatch tells, what the interface serves, and what is true at the moment when they are read. */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Observer } from '../dispatch/observer.ts';

export interface Metrics {
  /** For dispatch. */
  readonly observer: Observer;
  /** A request of the interface ended. `route`: its pattern. */
  served(request: { readonly method: string; readonly route: string; readonly status: number; readonly ms: number }): void;
  /** The text that Prometheus reads, and its content type. `now`: figures of this moment, by name. */
  text(now: Readonly<Record<string, number>>): Promise<{ readonly text: string; readonly type: string }>;
}

const MILLISECONDS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000];
const BYTES = [2 ** 14, 2 ** 15, 2 ** 16, 2 ** 17, 2 ** 18, 2 ** 19, 2 ** 20];

export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry, prefix: 'veritab_' });

  const verdicts = new Counter({
    name: 'veritab_verdicts_total',
    help: 'Proofs that were verified; check: what refused them',
    labelNames: ['ok', 'check'],
    registers,
  });
  const service = new Histogram({
    name: 'veritab_proof_milliseconds',
    help: 'From job to accepted proof',
    labelNames: ['circuit'],
    buckets: MILLISECONDS,
    registers,
  });
  const size = new Histogram({
    name: 'veritab_proof_bytes',
    help: 'Size of accepted proofs',
    labelNames: ['circuit'],
    buckets: BYTES,
    registers,
  });
  const verification = new Histogram({
    name: 'veritab_verification_milliseconds',
    help: 'Time to verify a proof',
    labelNames: ['circuit'],
    buckets: MILLISECONDS,
    registers,
  });
  const dispatched = new Counter({
    name: 'veritab_jobs_dispatched_total',
    help: 'Jobs that were given to miners',
    labelNames: ['circuit', 'kind'],
    registers,
  });
  const waited = new Histogram({
    name: 'veritab_dispatch_milliseconds',
    help: 'From a job that could be given out to its frame',
    buckets: MILLISECONDS,
    registers,
  });
  const late = new Counter({ name: 'veritab_proofs_late_total', help: 'Proofs that came when nobody wanted them any more', registers });
  const requests = new Counter({
    name: 'veritab_requests_total',
    help: 'Requests that ended; code: why one failed',
    labelNames: ['state', 'code'],
    registers,
  });
  const requestTime = new Histogram({
    name: 'veritab_request_milliseconds',
    help: 'From request to its end',
    labelNames: ['state'],
    buckets: MILLISECONDS,
    registers,
  });
  const disconnected = new Counter({
    name: 'veritab_miners_disconnected_total',
    help: "Miners' connections that ended, by close code",
    labelNames: ['code'],
    registers,
  });
  const http = new Histogram({
    name: 'veritab_http_milliseconds',
    help: 'Requests of the HTTP interface',
    labelNames: ['method', 'route', 'status'],
    buckets: MILLISECONDS,
    registers,
  });
  const gauges = new Map<string, Gauge>();

  return {
    observer: {
      verdict({ circuit, ok, check, serviceMs, verifyMs, proofBytes }) {
        verdicts.inc({ ok: String(ok), check });
        verification.observe({ circuit }, verifyMs);
        if (!ok) return;
        service.observe({ circuit }, serviceMs);
        size.observe({ circuit }, proofBytes);
      },
      dispatched({ circuit, waitedMs, retry, hedge }) {
        dispatched.inc({ circuit, kind: hedge ? 'hedge' : retry ? 'retry' : 'first' });
        if (!hedge && !retry) waited.observe(waitedMs);
      },
      late: () => late.inc(),
      requestOver({ state, code, ms }) {
        requests.inc({ state, code: code ?? '' });
        requestTime.observe({ state }, ms);
      },
      disconnected: (code) => disconnected.inc({ code: String(code) }),
    },
    served: ({ method, route, status, ms }) => http.observe({ method, route, status: String(status) }, ms),
    async text(now) {
      for (const [name, value] of Object.entries(now)) {
        let gauge = gauges.get(name);
        if (gauge === undefined) {
          gauge = new Gauge({ name: `veritab_${name}`, help: `The network's ${name.replaceAll('_', ' ')} now`, registers });
          gauges.set(name, gauge);
        }
        gauge.set(value);
      }
      return { text: await registry.metrics(), type: registry.contentType };
    },
  };
}
