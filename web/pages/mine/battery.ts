/** Whether the machine runs on its battery, where the browser says so. */
import { signal } from '@preact/signals';

interface Battery extends EventTarget {
  readonly charging: boolean;
}

/** False where it is not known. */
export const onBattery = signal(false);
/** Whether the browser says. */
export const batteryKnown = signal(false);

const { getBattery } = navigator as Navigator & { getBattery?: () => Promise<Battery> };
getBattery?.call(navigator).then(
  (battery) => {
    const look = (): void => {
      onBattery.value = !battery.charging;
    };
    battery.addEventListener('chargingchange', look);
    batteryKnown.value = true;
    look();
  },
  () => undefined,
);
