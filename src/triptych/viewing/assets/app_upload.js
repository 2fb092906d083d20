// The place where a video is dropped: sends it as it is, and tells what the server says of it.
const drop = element.querySelector(".drop");
const input = drop.querySelector("input");
const bar = drop.querySelector("progress");
const told = drop.querySelector(".told");
const largest = Number(drop.dataset.largest);
let sending = null;
let token = "";

function tell(text, kind) {
  told.textContent = text;
  drop.dataset.kind = kind;
}

function finish(text, kind) {
  bar.hidden = true;
  sending = null;
  input.value = "";
  tell(text, kind);
}

function send(file) {
  if (sending) sending.abort();
  props.value = "";
  if (file.size > largest) {
    finish(`${file.name}: is larger than ${Math.round(largest / 1e6)} MB; give a shorter or smaller video`, "refused");
    return;
  }
  const request = new XMLHttpRequest();
  sending = request;
  const words = new URLSearchParams({ name: file.name, instead: token });
  request.open("POST", `upload?${words}`);
  request.responseType = "json";
  request.upload.onprogress = (event) => { bar.value = event.loaded / event.total; };
  request.upload.onload = () => { bar.removeAttribute("value"); tell(`${file.name}: is it a video? …`, "busy"); };
  request.onload = () => {
    const answer = request.response || {};
    if (request.status !== 200) {
      finish(answer.error || `${file.name}: was refused (${request.status})`, "refused");
      return;
    }
    token = answer.token;
    finish(`${answer.name}: ${answer.frames} frames of ${answer.size} pixels, ready to start`, "taken");
    props.value = token;  // what the form sends when it is started
    trigger("upload");
  };
  request.onerror = () => finish(`${file.name}: could not be sent; is the app still running?`, "refused");
  bar.value = 0;
  bar.hidden = false;
  tell(`${file.name}: is being sent`, "busy");
  request.send(file);
}

input.addEventListener("change", () => { if (input.files.length) send(input.files[0]); });
for (const name of ["dragenter", "dragover"]) {
  drop.addEventListener(name, (event) => { event.preventDefault(); drop.classList.add("over"); });
}
for (const name of ["dragleave", "drop"]) {
  drop.addEventListener(name, (event) => { event.preventDefault(); drop.classList.remove("over"); });
}
for (const name of ["dragover", "drop"]) {  // beside the place, a file would take the page's
  window.addEventListener(name, (event) => {
    if (event.dataTransfer && event.dataTransfer.types.includes("Files")) event.preventDefault();
  });
}
drop.addEventListener("drop", (event) => { if (event.dataTransfer.files.length) send(event.dataTransfer.files[0]); });
drop.dataset.kind = "ready";
