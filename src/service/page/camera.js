/** A picture from the camera. */
import { byId } from './dom.js';

const dialog = byId('camera', HTMLDialogElement);
const video = byId('camera-video', HTMLVideoElement);
const problem = byId('camera-problem', HTMLElement);
const take = byId('camera-take', HTMLButtonElement);
/** Longer side of a picture that is taken, pixels: more than any operating point looks at. */
const longest = 1280;

/** @type {MediaStream | undefined} */
let stream;
/** How often it has been opened and closed: what was begun before does not count any more. */
let turn = 0;

/** @param {(file: File) => void} onPicture */
export function makeCamera(onPicture) {
  const open = byId('camera-open', HTMLElement);
  open.hidden = !navigator.mediaDevices?.getUserMedia; // browsers have it on safe origins only
  open.addEventListener('click', () => void start());
  byId('camera-close', HTMLElement).addEventListener('click', () => dialog.close());
  dialog.addEventListener('close', stop);
  take.addEventListener('click', async () => {
    const file = await shoot();
    dialog.close();
    onPicture(file);
  });
}

async function start() {
  const own = ++turn;
  problem.hidden = true;
  take.disabled = true;
  dialog.showModal();
  try {
    const opened = await navigator.mediaDevices.getUserMedia({
      video: { facingMode: 'environment', width: { ideal: longest } },
    });
    if (own !== turn) {
      release(opened); // closed while the person was asked
      return;
    }
    video.srcObject = stream = opened;
    await video.play();
    if (own !== turn) return;
    take.disabled = false;
    take.focus();
  } catch (error) {
    if (own !== turn) return;
    const isDenied = error instanceof DOMException && error.name === 'NotAllowedError';
    problem.textContent = isDenied
      ? 'The browser may not use the camera for this page; its settings say so.'
      : 'There is no camera that could be used.';
    problem.hidden = false;
  }
}

/** @param {MediaStream | undefined} from */
function release(from) {
  for (const track of from?.getTracks() ?? []) track.stop();
}

function stop() {
  turn++;
  release(stream);
  stream = undefined;
  video.srcObject = null;
}

/** @returns {Promise<File>} what the camera shows */
function shoot() {
  const { videoWidth, videoHeight } = video;
  const scale = Math.min(1, longest / Math.max(videoWidth, videoHeight));
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [Math.round(videoWidth * scale), Math.round(videoHeight * scale)];
  canvas.getContext('2d')?.drawImage(video, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) =>
    canvas.toBlob(
      blob =>
        blob ? resolve(new File([blob], 'camera.jpg', { type: blob.type })) : reject(new Error('nothing to see')),
      'image/jpeg',
      0.92,
    ),
  );
}
