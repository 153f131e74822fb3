-- An element that proves nothing about a location, and ranges of addresses.
INSERT INTO network_elements VALUES ('e4', 'o1', 1, 1000, 1000, NULL, 'vpn', '', '', '', '', '', '172.16.0.0/12', '', '', '', 'vpn 172.16.0.0/12'), ('e5', 'o1', 1, 1000, 1000, 'l1', 'ip', '', '', '', '', '', '', '10.8.0.5', '10.8.0.9', 'lobby', 'ip 10.8.0.5-10.8.0.9');
