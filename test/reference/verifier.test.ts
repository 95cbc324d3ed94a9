import { acceptsHonestProofs } from './suites/honest.ts';
import { refusesCheats } from './suites/cheats.ts';
import { refusesMutations } from './suites/mutations.ts';
import { referenceVerifier } from './suites/tested-verifier.ts';

acceptsHonestProofs([referenceVerifier]);
refusesCheats([referenceVerifier]);
refusesMutations([referenceVerifier]);
