"use strict";
// One conversation. The session's token stands in the fragment of the address; it is kept for this tab only.

const TEXTS = {
  ko: {
    title: "쇼핑 도우미", send: "보내기", message: "메시지", language: "언어", remove: "대화 삭제", talk: "대화", quick: "자주 묻는 질문",
    map: "지도 보기", call: "전화하기", open: "자세히", floor: "층", price: "가격", brand: "브랜드", hours: "영업시간", phone: "전화",
    noLink: "이 페이지는 매장 앱이 만든 링크로 열립니다.", ended: "대화가 끝났습니다. 새 링크로 다시 열어 주세요.",
    failed: "지금은 답할 수 없습니다. 다시 보내 주세요.", slow: "잠시 후 다시 보내 주세요.", removed: "대화를 삭제했습니다.", won: "원",
    questions: ["오늘 몇 시까지 영업하나요?", "진행 중인 행사 알려 주세요", "3만원 이하 선물 추천해 주세요", "주차장은 어디예요?", "내 주문 어디쯤 왔어요?"],
  },
  en: {
    title: "Shopping assistant", send: "Send", message: "Message", language: "Language", remove: "Delete chat", talk: "Chat", quick: "Frequent questions",
    map: "Map", call: "Call", open: "Details", floor: "Floor", price: "Price", brand: "Brand", hours: "Hours", phone: "Phone",
    noLink: "This page is opened by a link of the shop's app.", ended: "The chat has ended. Open it by a new link.",
    failed: "There is no answer now. Please send it again.", slow: "Please wait a moment and send it again.", removed: "The chat was deleted.", won: " won",
    questions: ["How late are you open today?", "What events are on?", "Suggest a gift under 30,000 won", "Where can I park?", "Where is my order?"],
  },
  ja: {
    title: "ショッピングアシスタント", send: "送信", message: "メッセージ", language: "言語", remove: "会話を削除", talk: "会話", quick: "よくある質問",
    map: "地図", call: "電話", open: "詳細", floor: "階", price: "価格", brand: "ブランド", hours: "営業時間", phone: "電話番号",
    noLink: "このページは店舗アプリのリンクから開きます。", ended: "会話は終了しました。新しいリンクから開いてください。",
    failed: "ただいまお答えできません。もう一度送信してください。", slow: "しばらくしてからもう一度送信してください。", removed: "会話を削除しました。", won: "ウォン",
    questions: ["今日は何時まで営業していますか？", "開催中のイベントは？", "3万ウォン以下の贈り物は？", "駐車場はどこですか？", "注文はどこまで来ましたか？"],
  },
  zh: {
    title: "购物助手", send: "发送", message: "消息", language: "语言", remove: "删除对话", talk: "对话", quick: "常见问题",
    map: "地图", call: "拨打", open: "详情", floor: "楼层", price: "价格", brand: "品牌", hours: "营业时间", phone: "电话",
    noLink: "请通过商场应用的链接打开此页面。", ended: "对话已结束，请通过新链接打开。",
    failed: "暂时无法回答，请重新发送。", slow: "请稍后再发送。", removed: "对话已删除。", won: "韩元",
    questions: ["今天营业到几点？", "有什么活动？", "推荐三万韩元以下的礼物", "停车场在哪里？", "我的订单到哪了？"],
  },
};
const FACTS = ["brand", "price", "floor", "hours", "phone"];
const byId = (id) => document.getElementById(id);
const state = { token: "", language: "ko", chosen: false, busy: false };

function texts() { return TEXTS[state.language]; }

function made(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

// Only these addresses become links or images: a card's values come from files.
function safe(value, schemes) {
  try {
    const url = new URL(String(value), location.href);
    return schemes.includes(url.protocol) ? url.href : "";
  } catch { return ""; }
}

function say(who, text) {
  const element = made("div", `said ${who}`, text);
  byId("talk").append(element);
  element.scrollIntoView({ block: "end" });
  return element;
}

function tell(text) { byId("notice").textContent = text; }

function factOf(card, name) {
  const facts = card.facts || {};
  if (name === "price") return typeof facts.price_won === "number" ? facts.price_won.toLocaleString() + texts().won : "";
  return facts[name] === undefined ? "" : String(facts[name]);
}

function cardOf(card) {
  const element = made("article", "card");
  const image = safe(card.image || "", ["https:", "data:", location.protocol]);
  if (card.image && image) {
    const shown = made("img");
    shown.src = image;
    shown.alt = "";
    shown.addEventListener("error", () => shown.remove());
    element.append(shown);
  }
  element.append(made("h2", "", card.title));
  const list = made("dl");
  for (const name of FACTS) {
    const value = factOf(card, name);
    if (value) list.append(made("dt", "", texts()[name]), made("dd", "", value));
  }
  element.append(list);
  const actions = made("p");
  const phone = card.phone || (card.facts || {}).phone;
  const links = [["map", safe(card.map || "", ["https:", location.protocol]), card.map], ["open", safe(card.url || "", ["https:", location.protocol]), card.url],
    ["call", phone ? `tel:${String(phone).replace(/[^0-9+]/g, "")}` : "", phone]];
  for (const [name, address, given] of links) {
    if (!given || !address) continue;
    const link = made("a", "action", texts()[name]);
    link.href = address;
    link.setAttribute("aria-label", `${card.title}: ${texts()[name]}`);
    if (name !== "call") { link.target = "_blank"; link.rel = "noopener noreferrer"; }
    actions.append(link);
  }
  element.append(actions);
  return element;
}

function showCards(cards) {
  const row = made("div", "cards");
  row.tabIndex = 0;
  row.setAttribute("role", "group");
  row.setAttribute("aria-label", cards.map((card) => card.title).join(", "));
  row.append(...cards.map(cardOf));
  byId("talk").append(row);
  row.scrollIntoView({ block: "end" });
}

async function asked(path, options = {}) {
  const headers = { Authorization: `Bearer ${state.token}`, "Content-Type": "application/json" };
  const answer = await fetch(path, { ...options, headers });
  if (answer.status === 401) { sessionStorage.removeItem("token"); throw new Error(texts().ended); }
  if (answer.status === 429) throw new Error(texts().slow);
  if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).detail || texts().failed);
  return answer;
}

// Server-sent events of a POST: the browser's EventSource can only GET.
async function* eventsOf(answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let held = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    held += value;
    const whole = held.split("\n\n");
    held = whole.pop();
    for (const event of whole) {
      const lines = Object.fromEntries(event.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]));
      yield [lines.event, JSON.parse(lines.data)];
    }
  }
}

async function send(text) {
  if (state.busy || !text.trim()) return;
  busy(true);
  tell("");
  say("shopper", text);
  const shown = say("agent waiting", "");
  let ended = false;
  try {
    // Until the shopper chooses a language, the answer is in that of the message, not in that of the browser.
    const body = JSON.stringify({ message: text, language: state.chosen ? state.language : undefined });
    for await (const [name, data] of eventsOf(await asked("/v1/chat", { method: "POST", body }))) {
      if (name === "text") shown.textContent += (shown.textContent ? "\n" : "") + data.text;
      if (name === "cards") showCards(data.cards);
      if (name === "error") throw new Error(texts().failed);
      if (name === "done") ended = true;
    }
    if (!ended) throw new Error(texts().failed);
  } catch (error) {
    tell(error instanceof TypeError ? texts().failed : error.message);
  }
  shown.classList.remove("waiting");
  if (!shown.textContent) shown.remove();
  busy(false);
  byId("message").focus();
}

function busy(is) {
  state.busy = is;
  for (const button of document.querySelectorAll("#send, #quick button")) button.disabled = is;
}

function speak(language) {
  state.language = TEXTS[language] ? language : "en";
  document.documentElement.lang = state.language;
  document.title = texts().title;
  byId("title").textContent = texts().title;
  byId("send").textContent = texts().send;
  byId("delete").textContent = texts().remove;
  byId("message-label").textContent = texts().message;
  byId("form").setAttribute("aria-label", texts().message);
  byId("message").placeholder = texts().message;
  byId("language-label").textContent = texts().language;
  byId("talk").setAttribute("aria-label", texts().talk);
  byId("quick").setAttribute("aria-label", texts().quick);
  byId("language").value = state.language;
  byId("quick").replaceChildren(...texts().questions.map((question) => {
    const button = made("button", "", question);
    button.type = "button";
    button.addEventListener("click", () => send(question));
    return button;
  }));
}

async function restore() {
  try {
    for (const turn of await (await asked("/v1/chat/sessions/current")).json()) {
      say("shopper", turn.message);
      say("agent", turn.answer);
      if (turn.cards.length) showCards(turn.cards);
    }
  } catch (error) { tell(error instanceof TypeError ? texts().failed : error.message); }
}

async function remove() {
  try {
    await asked("/v1/chat/sessions/current", { method: "DELETE" });
    sessionStorage.removeItem("token");
    byId("talk").replaceChildren();
    tell(texts().removed);
  } catch (error) { tell(error instanceof TypeError ? texts().failed : error.message); }
}

function begin() {
  const given = location.hash.slice(1);
  if (given) {
    sessionStorage.setItem("token", given);
    // The token leaves the address, so that a shared or remembered address does not open the chat.
    history.replaceState(null, "", location.pathname);
  }
  state.token = sessionStorage.getItem("token") || "";
  speak((navigator.language || "ko").slice(0, 2));
  byId("language").addEventListener("change", (event) => {
    state.chosen = true;
    speak(event.target.value);
  });
  byId("delete").addEventListener("click", remove);
  byId("form").addEventListener("submit", (event) => {
    event.preventDefault();
    if (state.busy) return;
    const text = byId("message").value;
    byId("message").value = "";
    send(text);
  });
  byId("message").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      byId("form").requestSubmit();
    }
  });
  if (state.token) restore(); else tell(texts().noLink);
}

begin();
