-- The shop's database. Made-up customers and orders; money in cents (EUR), dates as ISO 8601.
CREATE TABLE customers (
  id   TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  city TEXT NOT NULL
);
CREATE TABLE orders (
  id           TEXT PRIMARY KEY,
  customer_id  TEXT NOT NULL REFERENCES customers (id),
  status       TEXT NOT NULL CHECK (status IN ('open', 'paid', 'shipped', 'delivered', 'returned')),
  placed_on    TEXT NOT NULL,
  expected_on  TEXT,
  delivered_on TEXT,
  carrier      TEXT
);
CREATE TABLE items (
  order_id   TEXT NOT NULL REFERENCES orders (id),
  line       INTEGER NOT NULL,
  product    TEXT NOT NULL,
  quantity   INTEGER NOT NULL CHECK (quantity > 0),
  unit_cents INTEGER NOT NULL CHECK (unit_cents > 0),
  PRIMARY KEY (order_id, line)
);

INSERT INTO customers VALUES
  ('C-1', 'Ingrid Solberg',   'Oslo'),
  ('C-2', 'Tom Fielding',     'London'),
  ('C-3', 'Li Wei',           'Shanghai'),
  ('C-5', 'Amélie Laurent',   'Paris'),
  ('C-7', 'Jonas Petersen',   'Hamburg'),
  ('C-9', 'Carmen Ortega',    'Madrid');

INSERT INTO orders VALUES
  ('A-11', 'C-1', 'delivered', '2025-10-20', '2025-10-27', '2025-10-26', 'Baltic Parcel'),
  ('A-17', 'C-3', 'delivered', '2025-11-03', '2025-11-14', '2025-11-13', 'Baltic Parcel'),
  ('A-23', 'C-7', 'returned',  '2025-11-18', '2025-11-21', '2025-11-20', 'Baltic Parcel'),
  ('A-31', 'C-2', 'delivered', '2025-12-01', '2025-12-08', '2025-12-05', 'Baltic Parcel'),
  ('A-38', 'C-5', 'shipped',   '2025-12-22', '2026-01-05', NULL,         'Baltic Parcel'),
  ('A-40', 'C-3', 'shipped',   '2025-12-27', '2026-01-09', NULL,         'Baltic Parcel'),
  ('A-42', 'C-7', 'shipped',   '2025-12-29', '2026-01-06', NULL,         'Baltic Parcel'),
  ('A-43', 'C-9', 'paid',      '2025-12-30', '2026-01-10', NULL,         NULL),
  ('A-44', 'C-1', 'paid',      '2025-12-30', '2026-01-11', NULL,         NULL),
  ('A-45', 'C-7', 'open',      '2026-01-01', NULL,         NULL,         NULL),
  ('A-46', 'C-5', 'open',      '2026-01-02', NULL,         NULL,         NULL);

INSERT INTO items VALUES
  ('A-11', 1, 'oak side table',       1, 18900),
  ('A-17', 1, 'brass desk lamp',      2,  4990),
  ('A-17', 2, 'linen lampshade',      2,  1950),
  ('A-23', 1, 'oak bench',            1, 24900),
  ('A-31', 1, 'brass wall lamp',      4,  6490),
  ('A-38', 1, 'oak bookshelf',        1, 32900),
  ('A-40', 1, 'brass desk lamp',      1,  4990),
  ('A-42', 1, 'oak stool',            2,  7900),
  ('A-42', 2, 'brass desk lamp',      1,  4990),
  ('A-43', 1, 'oak dining table',     1, 89000),
  ('A-43', 2, 'oak chair',            4, 15900),
  ('A-44', 1, 'linen lampshade',      3,  1950),
  ('A-45', 1, 'oak coat rack',        1, 11900),
  ('A-46', 1, 'brass floor lamp',     1, 17900),
  ('A-46', 2, 'linen lampshade',      1,  1950);
