"""HAProxy as processes and sockets: started, loaded anew, asked, ended. Knows no pool."""
