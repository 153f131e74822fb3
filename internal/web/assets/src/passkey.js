// Passkeys: a form that is marked asks the browser's authenticator, and is then sent
// as any other form. Octets travel as base64url.
const toBytes = (s) => Uint8Array.from(atob(s.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
const toText = (b) => btoa(String.fromCharCode(...new Uint8Array(b))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');

const withId = (list) => (list || []).map((c) => ({ ...c, id: toBytes(c.id) }));

function optionsOf({ publicKey: o }) {
  const out = { ...o, challenge: toBytes(o.challenge) };
  if (o.user) out.user = { ...o.user, id: toBytes(o.user.id) };
  if (o.excludeCredentials) out.excludeCredentials = withId(o.excludeCredentials);
  if (o.allowCredentials) out.allowCredentials = withId(o.allowCredentials);
  return out;
}

function answerOf(c) {
  const r = c.response;
  const out = { id: c.id, rawId: toText(c.rawId), type: c.type, clientExtensionResults: {}, response: { clientDataJSON: toText(r.clientDataJSON) } };
  if (c.authenticatorAttachment) out.authenticatorAttachment = c.authenticatorAttachment;
  if (r.attestationObject) {
    out.response.attestationObject = toText(r.attestationObject);
    out.response.transports = r.getTransports ? r.getTransports() : [];
  } else {
    out.response.authenticatorData = toText(r.authenticatorData);
    out.response.signature = toText(r.signature);
    if (r.userHandle) out.response.userHandle = toText(r.userHandle);
  }
  return JSON.stringify(out);
}

// said turns what the browser throws into what a person can do.
function said(err, making) {
  switch (err.name) {
    case 'NotAllowedError':
      return making
        ? 'No passkey was made: it was called off, or took too long.'
        : 'No passkey was used: it was called off, took too long, or this device has none for this address.';
    case 'InvalidStateError':
      return 'This device has a passkey of yours already.';
    case 'SecurityError':
      return 'Passkeys do not work at this address. Open the page by its usual name.';
    case 'NotSupportedError':
    case 'ConstraintError':
      return 'This device cannot keep a passkey. Try a telephone, or a security key.';
    default:
      return err.told || 'That did not work. Load the page again, and try once more.';
  }
}

async function begin(form) {
  const body = new URLSearchParams({ form: form.elements.form.value });
  const resp = await fetch(form.dataset.begin, { method: 'POST', body, headers: { Accept: 'application/json' } });
  const json = (resp.headers.get('Content-Type') || '').startsWith('application/json');
  if (!resp.ok || !json) {
    const err = new Error('begin');
    err.told = json ? (await resp.json()).error : 'This page is too old. Load it again, and try once more.';
    throw err;
  }
  return optionsOf(await resp.json());
}

function send(form, credential) {
  form.elements.credential.value = answerOf(credential);
  form.submit();
}

let waiting = null; // the quiet question under the field of the address

function quietly() {
  waiting?.abort();
  waiting = null;
}

async function press(form, event) {
  event.preventDefault();
  const making = form.dataset.passkey === 'create';
  const button = form.querySelector('button');
  const say = form.querySelector('[data-say]');
  say.hidden = true;
  button.disabled = true;
  quietly();
  try {
    const publicKey = await begin(form);
    send(form, making ? await navigator.credentials.create({ publicKey }) : await navigator.credentials.get({ publicKey }));
  } catch (err) {
    say.textContent = said(err, making);
    say.hidden = false;
    button.disabled = false;
    if (form.dataset.fill) offer(form);
  }
}

// offer lets the browser name passkeys under the field of the address, where it can.
// The question is asked anew before the server forgets it.
async function offer(form) {
  if (!(await PublicKeyCredential.isConditionalMediationAvailable?.())) return;
  try {
    for (;;) {
      const publicKey = await begin(form);
      const stop = new AbortController();
      waiting = stop;
      const late = setTimeout(() => stop.abort('late'), 240_000);
      try {
        send(form, await navigator.credentials.get({ publicKey, mediation: 'conditional', signal: stop.signal }));
        return;
      } catch (err) {
        if (stop.signal.reason !== 'late') return; // pressed, called off, or cannot
      } finally {
        clearTimeout(late);
      }
    }
  } catch {
    // The server does not answer now; the button says so to who presses it.
  }
}

if (window.PublicKeyCredential && navigator.credentials) {
  for (const form of document.querySelectorAll('form[data-passkey]')) {
    form.hidden = false;
    form.addEventListener('submit', (event) => press(form, event));
    if (form.dataset.fill) offer(form);
  }
  for (const p of document.querySelectorAll('[data-without-passkeys]')) p.hidden = true;
}
