// What the page knows: rows by group and year, sums, alerts, dead letters, freshness. Views are told what changed.

const FEED_LENGTH = 200;

class Store {
  rows = new Map(); // "group/year" -> row
  totals = { plan_years: [], overall: [], regions: [] };
  alerts = []; // the newest first
  letters = null;
  freshness = null;
  connected = false;
  loaded = false;
  year = null;
  yearChosen = false;
  #columns = [];
  #listeners = new Set();

  /** Call back with the set of what changed: "rows", "totals", "alerts", "letters", "freshness", "year". */
  listen(callback) {
    this.#listeners.add(callback);
    return () => this.#listeners.delete(callback);
  }

  #tell(...what) {
    const changed = new Set(what);
    for (const callback of this.#listeners) callback(changed);
  }

  snapshot(found) {
    this.#columns = found.columns;
    this.rows = new Map();
    this.#put(found.rows);
    this.alerts = [];
    this.#alert(found.alerts);
    this.letters = found.dead_letters;
    this.loaded = true;
    this.#totals(found.totals);
    this.#tell("rows", "totals", "alerts", "letters", "year", "snapshot");
  }

  changes(found) {
    const what = [];
    if (found.rows) {
      this.#put(found.rows);
      for (const key of found.removed) this.rows.delete(key);
      what.push("rows");
    }
    if (found.totals) what.push("totals", ...(this.#totals(found.totals) ? ["year"] : []));
    if (found.alerts) { this.#alert(found.alerts); what.push("alerts"); }
    if (found.dead_letters) { this.letters = found.dead_letters; what.push("letters"); }
    this.#tell(...what);
  }

  fresh(found) {
    this.freshness = found;
    this.connected = true;
    this.heardAt = Date.now();
    this.#tell("freshness");
  }

  lost() {
    if (!this.connected) return;
    this.connected = false;
    this.#tell("freshness");
  }

  chooseYear(year) {
    this.year = year;
    this.yearChosen = true;
    this.#tell("rows", "totals", "year");
  }

  row(groupId, year) { return this.rows.get(`${groupId}/${year}`); }
  ofYear() { return [...this.rows.values()].filter((row) => row.plan_year === this.year); }
  overall() { return this.totals.overall.filter((sums) => sums.plan_year === this.year); }
  regions() { return this.totals.regions.filter((sums) => sums.plan_year === this.year); }

  #put(rows) {
    for (const cells of rows) {
      const row = {};
      this.#columns.forEach((name, at) => { row[name] = cells[at]; });
      this.rows.set(`${row.group_id}/${row.plan_year}`, row);
    }
  }

  #alert(alerts) {
    const known = new Set(this.alerts.map((alert) => `${alert.episode_id} ${alert.revision}`));
    const fresh = alerts.filter((alert) => !known.has(`${alert.episode_id} ${alert.revision}`));
    this.alerts = [...fresh.reverse(), ...this.alerts].slice(0, FEED_LENGTH);
  }

  #totals(totals) {
    this.totals = totals;
    const years = totals.plan_years;
    if (this.yearChosen && years.includes(this.year)) return false;
    const before = this.year;
    this.year = years[0] ?? null;
    return this.year !== before || years.length !== this.yearsShown;
  }
}

export const store = new Store();
