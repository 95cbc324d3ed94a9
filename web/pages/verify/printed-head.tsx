/** What stands on paper above a verified result: when and where it was verified, and the input. */
import { bytesToHex } from '@noble/hashes/utils.js';
import { decodedBundle, type Run } from './session.ts';
import { Pixels } from './input-panel.tsx';

export function PrintedHead({ run }: { readonly run: Run | null }) {
  const bundle = run?.verdict ? decodedBundle(run) : null;
  if (bundle === null) return null;
  const input = bundle.inputs[0];
  return (
    <div class="printed">
      {input?.length === 784 && <Pixels bytes={input} side={28} size={112} />}
      <div>
        <p>Model {bytesToHex(bundle.model)}</p>
        <p>Request {bundle.request}</p>
        <p>Made {new Date(bundle.created).toISOString()} (the coordinator’s clock)</p>
        <p>Verified {new Date().toISOString()} (this machine’s clock)</p>
      </div>
    </div>
  );
}
