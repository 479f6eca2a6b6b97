"""Real parts for the tests: servers, processes and a browser, each a class to start and stop."""
