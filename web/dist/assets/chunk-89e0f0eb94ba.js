var we,w,nn,qe,K,Qe,tn,on,Ne,ve,ie,rn,Fe,De,Le,Zn,ge={},be=[],Xn=/acit|ex(?:s|g|n|p|$)|rph|grid|ows|mnc|ntw|ine[ch]|zoo|^ord|itera/i,Se=Array.isArray;function B(e,n){for(var t in n)e[t]=n[t];return e}function Ue(e){e&&e.parentNode&&e.parentNode.removeChild(e)}function je(e,n,t){var o,i,r,s={};for(r in n)r=="key"?o=n[r]:r=="ref"?i=n[r]:s[r]=n[r];if(arguments.length>2&&(s.children=arguments.length>3?we.call(arguments,2):t),typeof e=="function"&&e.defaultProps!=null)for(r in e.defaultProps)s[r]===void 0&&(s[r]=e.defaultProps[r]);return ye(e,s,o,i,null)}function ye(e,n,t,o,i){var r={type:e,props:n,key:t,ref:o,__k:null,__:null,__b:0,__e:null,__c:null,constructor:void 0,__v:i??++nn,__i:-1,__u:0};return i==null&&w.vnode!=null&&w.vnode(r),r}function H(e){return e.children}function ne(e,n){this.props=e,this.context=n}function Y(e,n){if(n==null)return e.__?Y(e.__,e.__i+1):null;for(var t;n<e.__k.length;n++)if((t=e.__k[n])!=null&&t.__e!=null)return t.__e;return typeof e.type=="function"?Y(e):null}function et(e){if(e.__P&&e.__d){var n=e.__v,t=n.__e,o=[],i=[],r=B({},n);r.__v=n.__v+1,w.vnode&&w.vnode(r),Oe(e.__P,r,n,e.__n,e.__P.namespaceURI,32&n.__u?[t]:null,o,t??Y(n),!!(32&n.__u),i),r.__v=n.__v,r.__.__k[r.__i]=r,fn(o,r,i),n.__e=n.__=null,r.__e!=t&&an(r)}}function an(e){if((e=e.__)!=null&&e.__c!=null)return e.__e=e.__c.base=null,e.__k.some(function(n){if(n!=null&&n.__e!=null)return e.__e=e.__c.base=n.__e}),an(e)}function Ze(e){(!e.__d&&(e.__d=!0)&&K.push(e)&&!xe.__r++||Qe!=w.debounceRendering)&&((Qe=w.debounceRendering)||tn)(xe)}function xe(){try{for(var e,n=1;K.length;)K.length>n&&K.sort(on),e=K.shift(),n=K.length,et(e)}finally{K.length=xe.__r=0}}function sn(e,n,t,o,i,r,s,d,u,c,l){var _,a,f,b,g,m,v=o&&o.__k||be,p=n.length;for(u=nt(t,n,v,u,p),_=0;_<p;_++)(f=t.__k[_])!=null&&(a=f.__i!=-1&&v[f.__i]||ge,f.__i=_,m=Oe(e,f,a,i,r,s,d,u,c,l),b=f.__e,f.ref&&a.ref!=f.ref&&(a.ref&&Be(a.ref,null,f),l.push(f.ref,f.__c||b,f)),g==null&&b!=null&&(g=b),4&f.__u?(u=cn(f,u,e),a.__e&&(a.__e=null)):typeof f.type=="function"&&m!==void 0?u=m:b&&(u=b.nextSibling),f.__u&=-7);return t.__e=g,u}function nt(e,n,t,o,i){var r,s,d,u,c,l=t.length,_=l,a=0;for(e.__k=new Array(i),r=0;r<i;r++)(s=n[r])!=null&&typeof s!="boolean"&&typeof s!="function"?(typeof s=="string"||typeof s=="number"||typeof s=="bigint"||s.constructor==String?s=e.__k[r]=ye(null,s,null,null,null):Se(s)?s=e.__k[r]=ye(H,{children:s},null,null,null):s.constructor===void 0&&s.__b>0?s=e.__k[r]=ye(s.type,s.props,s.key,s.ref?s.ref:null,s.__v):e.__k[r]=s,u=r+a,s.__=e,s.__b=e.__b+1,d=null,(c=s.__i=tt(s,t,u,_))!=-1&&(_--,(d=t[c])&&(d.__u|=2)),d==null||d.__v==null?(c==-1&&(i>l?a--:i<l&&a++),typeof s.type!="function"&&(s.__u|=4)):c!=u&&(c==u-1?a--:c==u+1?a++:(c>u?a--:a++,s.__u|=4))):e.__k[r]=null;if(_)for(r=0;r<l;r++)(d=t[r])!=null&&(2&d.__u)==0&&(d.__e==o&&(o=Y(d)),un(d,d));return o}function cn(e,n,t){var o,i;if(typeof e.type=="function"){for(o=e.__k,i=0;o&&i<o.length;i++)o[i]&&(o[i].__=e,n=cn(o[i],n,t));return n}e.__e!=n&&(n&&e.type&&!n.parentNode&&(n=Y(e)),n=t.insertBefore(e.__e,n||null));do n=n&&n.nextSibling;while(n!=null&&n.nodeType==8);return n}function tt(e,n,t,o){var i,r,s,d=e.key,u=e.type,c=n[t],l=c!=null&&(2&c.__u)==0;if(c===null&&d==null||l&&d==c.key&&u==c.type)return t;if(o>(l?1:0)){for(i=t-1,r=t+1;i>=0||r<n.length;)if((c=n[s=i>=0?i--:r++])!=null&&(2&c.__u)==0&&d==c.key&&u==c.type)return s}return-1}function Xe(e,n,t){n[0]=="-"?e.setProperty(n,t??""):e[n]=t==null?"":typeof t!="number"||Xn.test(n)?t:t+"px"}function me(e,n,t,o,i){var r,s;e:if(n=="style")if(typeof t=="string")e.style.cssText=t;else{if(typeof o=="string"&&(e.style.cssText=o=""),o)for(n in o)t&&n in t||Xe(e.style,n,"");if(t)for(n in t)o&&t[n]==o[n]||Xe(e.style,n,t[n])}else if(n[0]=="o"&&n[1]=="n")r=n!=(n=n.replace(rn,"$1")),s=n.toLowerCase(),n=s in e||n=="onFocusOut"||n=="onFocusIn"?s.slice(2):n.slice(2),e.l||(e.l={}),e.l[n+r]=t,t?o?t[ie]=o[ie]:(t[ie]=Fe,e.addEventListener(n,r?Le:De,r)):e.removeEventListener(n,r?Le:De,r);else{if(i=="http://www.w3.org/2000/svg")n=n.replace(/xlink(H|:h)/,"h").replace(/sName$/,"s");else if(n!="width"&&n!="height"&&n!="href"&&n!="list"&&n!="form"&&n!="tabIndex"&&n!="download"&&n!="rowSpan"&&n!="colSpan"&&n!="role"&&n!="popover"&&n in e)try{e[n]=t??"";break e}catch{}typeof t=="function"||(t==null||t===!1&&n[4]!="-"?e.removeAttribute(n):e.setAttribute(n,n=="popover"&&t==1?"":t))}}function en(e){return function(n){if(this.l){var t=this.l[n.type+e];if(n[ve]==null)n[ve]=Fe++;else if(n[ve]<t[ie])return;return t(w.event?w.event(n):n)}}}function Oe(e,n,t,o,i,r,s,d,u,c){var l,_,a,f,b,g,m,v,p,x,C,q,G,S,M,y,h=n.type;if(n.constructor!==void 0)return null;128&t.__u&&(u=!!(32&t.__u),r=[d=n.__e=t.__e]),(l=w.__b)&&l(n);e:if(typeof h=="function"){_=s.length;try{if(p=n.props,x=h.prototype&&h.prototype.render,C=(l=h.contextType)&&o[l.__c],q=l?C?C.props.value:l.__:o,t.__c?v=(a=n.__c=t.__c).__=a.__E:(x?n.__c=a=new h(p,q):(n.__c=a=new ne(p,q),a.constructor=h,a.render=rt),C&&C.sub(a),a.state||(a.state={}),a.__n=o,f=a.__d=!0,a.__h=[],a._sb=[]),x&&a.__s==null&&(a.__s=a.state),x&&h.getDerivedStateFromProps!=null&&(a.__s==a.state&&(a.__s=B({},a.__s)),B(a.__s,h.getDerivedStateFromProps(p,a.__s))),b=a.props,g=a.state,a.__v=n,f)x&&h.getDerivedStateFromProps==null&&a.componentWillMount!=null&&a.componentWillMount(),x&&a.componentDidMount!=null&&a.__h.push(a.componentDidMount);else{if(x&&h.getDerivedStateFromProps==null&&p!==b&&a.componentWillReceiveProps!=null&&a.componentWillReceiveProps(p,q),n.__v==t.__v||!a.__e&&a.shouldComponentUpdate!=null&&a.shouldComponentUpdate(p,a.__s,q)===!1){n.__v!=t.__v&&(a.props=p,a.state=a.__s,a.__d=!1),n.__e=t.__e,n.__k=t.__k,n.__k.some(function(N){N&&(N.__=n)}),be.push.apply(a.__h,a._sb),a._sb=[],a.__h.length&&s.push(a),d=Y(t);break e}a.componentWillUpdate!=null&&a.componentWillUpdate(p,a.__s,q),x&&a.componentDidUpdate!=null&&a.__h.push(function(){a.componentDidUpdate(b,g,m)})}if(a.context=q,a.props=p,a.__P=e,a.__e=!1,G=w.__r,S=0,x)a.state=a.__s,a.__d=!1,G&&G(n),l=a.render(a.props,a.state,a.context),be.push.apply(a.__h,a._sb),a._sb=[];else do a.__d=!1,G&&G(n),l=a.render(a.props,a.state,a.context),a.state=a.__s;while(a.__d&&++S<25);a.state=a.__s,a.getChildContext!=null&&(o=B(B({},o),a.getChildContext())),x&&!f&&a.getSnapshotBeforeUpdate!=null&&(m=a.getSnapshotBeforeUpdate(b,g)),M=l!=null&&l.type===H&&l.key==null?ln(l.props.children):l,d=sn(e,Se(M)?M:[M],n,t,o,i,r,s,d,u,c),a.base=n.__e,n.__u&=-161,a.__h.length&&s.push(a),v&&(a.__E=a.__=null)}catch(N){if(s.length=_,n.__v=null,u||r!=null){if(N.then){for(n.__u|=u?160:128;d&&d.nodeType==8&&d.nextSibling;)d=d.nextSibling;r!=null&&(r[r.indexOf(d)]=null),n.__e=d}else if(r!=null)for(y=r.length;y--;)Ue(r[y])}else n.__e=t.__e;n.__k==null&&(n.__k=t.__k||[]),N.then||dn(n),w.__e(N,n,t)}}else r==null&&n.__v==t.__v?(n.__k=t.__k,n.__e=t.__e):d=n.__e=ot(t.__e,n,t,o,i,r,s,u,c);return(l=w.diffed)&&l(n),128&n.__u?void 0:d}function dn(e){e&&(e.__c&&(e.__c.__e=!0),e.__k&&e.__k.some(dn))}function fn(e,n,t){for(var o=0;o<t.length;o++)Be(t[o],t[++o],t[++o]);w.__c&&w.__c(n,e),e.some(function(i){try{e=i.__h,i.__h=[],e.some(function(r){r.call(i)})}catch(r){w.__e(r,i.__v)}})}function ln(e){return typeof e!="object"||e==null||e.__b>0?e:Se(e)?e.map(ln):e.constructor!==void 0?null:B({},e)}function ot(e,n,t,o,i,r,s,d,u){var c,l,_,a,f,b,g,m=t.props||ge,v=n.props,p=n.type;if(p=="svg"?i="http://www.w3.org/2000/svg":p=="math"?i="http://www.w3.org/1998/Math/MathML":i||(i="http://www.w3.org/1999/xhtml"),r!=null){for(c=0;c<r.length;c++)if((f=r[c])&&"setAttribute"in f==!!p&&(p?f.localName==p:f.nodeType==3)){e=f,r[c]=null;break}}if(e==null){if(p==null)return document.createTextNode(v);e=document.createElementNS(i,p,v.is&&v),d&&(w.__m&&w.__m(n,r),d=!1),r=null}if(p==null)m===v||d&&e.data==v||(e.data=v);else{if(r=p=="textarea"&&v.defaultValue!=null?null:r&&we.call(e.childNodes),!d&&r!=null)for(m={},c=0;c<e.attributes.length;c++)m[(f=e.attributes[c]).name]=f.value;for(c in m)f=m[c],c=="dangerouslySetInnerHTML"?_=f:c=="children"||c in v||c=="value"&&"defaultValue"in v||c=="checked"&&"defaultChecked"in v||me(e,c,null,f,i);for(c in v)f=v[c],c=="children"?a=f:c=="dangerouslySetInnerHTML"?l=f:c=="value"?b=f:c=="checked"?g=f:d&&typeof f!="function"||m[c]===f||me(e,c,f,m[c],i);if(l)d||_&&(l.__html==_.__html||l.__html==e.innerHTML)||(e.innerHTML=l.__html),n.__k=[];else if(_&&(e.innerHTML=""),sn(n.type=="template"?e.content:e,Se(a)?a:[a],n,t,o,p=="foreignObject"?"http://www.w3.org/1999/xhtml":i,r,s,r?r[0]:t.__k&&Y(t,0),d,u),r!=null)for(c=r.length;c--;)Ue(r[c]);d&&p!="textarea"||(c="value",p=="progress"&&b==null?e.removeAttribute("value"):b!=null&&(b!==e[c]||p=="progress"&&!b||p=="option"&&b!=m[c])&&me(e,c,b,m[c],i),c="checked",g!=null&&g!=e[c]&&me(e,c,g,m[c],i))}return e}function Be(e,n,t){try{if(typeof e=="function"){var o=typeof e.__u=="function";o&&e.__u(),o&&n==null||(e.__u=e(n))}else e.current=n}catch(i){w.__e(i,t)}}function un(e,n,t){var o,i;if(w.unmount&&w.unmount(e),(o=e.ref)&&(o.current&&o.current!=e.__e||Be(o,null,n)),(o=e.__c)!=null){if(o.componentWillUnmount)try{o.componentWillUnmount()}catch(r){w.__e(r,n)}o.base=o.__P=o.__n=null}if(o=e.__k)for(i=0;i<o.length;i++)o[i]&&un(o[i],n,t||typeof e.type!="function");t||Ue(e.__e),e.__c=e.__=e.__e=void 0}function rt(e,n,t){return this.constructor(e,t)}function Mt(e,n,t){var o,i,r,s;n==document&&(n=document.documentElement),w.__&&w.__(e,n),i=(o=typeof t=="function")?null:t&&t.__k||n.__k,r=[],s=[],Oe(n,e=(!o&&t||n).__k=je(H,null,[e]),i||ge,ge,n.namespaceURI,!o&&t?[t]:i?null:n.firstChild?we.call(n.childNodes):null,r,!o&&t?t:i?i.__e:n.firstChild,o,s),fn(r,e,s),e.props.children=null}we=be.slice,w={__e:function(e,n,t,o){for(var i,r,s;n=n.__;)if((i=n.__c)&&!i.__)try{if((r=i.constructor)&&r.getDerivedStateFromError!=null&&(i.setState(r.getDerivedStateFromError(e)),s=i.__d),i.componentDidCatch!=null&&(i.componentDidCatch(e,o||{}),s=i.__d),s)return i.__E=i}catch(d){e=d}throw e}},nn=0,qe=function(e){return e!=null&&e.constructor===void 0},ne.prototype.setState=function(e,n){var t;t=this.__s!=null&&this.__s!=this.state?this.__s:this.__s=B({},this.state),typeof e=="function"&&(e=e(B({},t),this.props)),e&&B(t,e),e!=null&&this.__v&&(n&&this._sb.push(n),Ze(this))},ne.prototype.forceUpdate=function(e){this.__v&&(this.__e=!0,e&&this.__h.push(e),Ze(this))},ne.prototype.render=H,K=[],tn=typeof Promise=="function"?Promise.prototype.then.bind(Promise.resolve()):setTimeout,on=function(e,n){return e.__v.__b-n.__v.__b},xe.__r=0,Ne=Math.random().toString(8),ve="__d"+Ne,ie="__a"+Ne,rn=/(PointerCapture)$|Capture$/i,Fe=0,De=en(!1),Le=en(!0),Zn=0;var it=0,Et=Array.isArray;function k(e,n,t,o,i,r){n||(n={});var s,d,u=n;if("ref"in u)for(d in u={},n)d=="ref"?s=n[d]:u[d]=n[d];var c={type:e,props:u,key:t,ref:s,__k:null,__:null,__b:0,__e:null,__c:null,constructor:void 0,__v:--it,__i:-1,__u:0,__source:i,__self:r};if(typeof e=="function"&&(s=e.defaultProps))for(d in s)u[d]===void 0&&(u[d]=s[d]);return w.vnode&&w.vnode(c),c}var ae,P,He,_n,se=0,xn=[],A=w,pn=A.__b,hn=A.__r,mn=A.diffed,vn=A.__c,yn=A.unmount,gn=A.__;function Ge(e,n){A.__h&&A.__h(P,e,se||n),se=0;var t=P.__H||(P.__H={__:[],__h:[]});return e>=t.__.length&&t.__.push({}),t.__[e]}function wn(e){return se=1,at(kn,e)}function at(e,n,t){var o=Ge(ae++,2);if(o.t=e,!o.__c&&(o.__=[t?t(n):kn(void 0,n),function(d){var u=o.__N?o.__N[0]:o.__[0],c=o.t(u,d);u!==c&&(o.__N=[c,o.__[1]],o.__c.setState({}))}],o.__c=P,!P.__f)){var i=function(d,u,c){if(!o.__c.__H)return!0;var l=!1,_=o.__c.props!==d;if(o.__c.__H.__.some(function(f){if(f.__N){l=!0;var b=f.__[0];f.__=f.__N,f.__N=void 0,b!==f.__[0]&&(_=!0)}}),r){var a=r.call(this,d,u,c);return l?a||_:a}return!l||_};P.__f=!0;var r=P.shouldComponentUpdate,s=P.componentWillUpdate;P.componentWillUpdate=function(d,u,c){if(this.__e){var l=r;r=void 0,i(d,u,c),r=l}s&&s.call(this,d,u,c)},P.shouldComponentUpdate=i}return o.__N||o.__}function We(e,n){var t=Ge(ae++,3);!A.__s&&Sn(t.__H,n)&&(t.__=e,t.u=n,P.__H.__h.push(t))}function st(e){return se=5,ce(function(){return{current:e}},[])}function ce(e,n){var t=Ge(ae++,7);return Sn(t.__H,n)&&(t.__=e(),t.__H=n,t.__h=e),t.__}function It(e,n){return se=8,ce(function(){return e},n)}function ct(){for(var e;e=xn.shift();){var n=e.__H;if(e.__P&&n)try{n.__h.some(ke),n.__h.some(Je),n.__h=[]}catch(t){n.__h=[],A.__e(t,e.__v)}}}A.__b=function(e){P=null,pn&&pn(e)},A.__=function(e,n){e&&n.__k&&n.__k.__m&&(e.__m=n.__k.__m),gn&&gn(e,n)},A.__r=function(e){hn&&hn(e),ae=0;var n=(P=e.__c).__H;n&&(He===P?(n.__h=[],P.__h=[],n.__.some(function(t){t.__N&&(t.__=t.__N),t.u=t.__N=void 0})):(n.__h.some(ke),n.__h.some(Je),n.__h=[],ae=0)),He=P},A.diffed=function(e){mn&&mn(e);var n=e.__c;n&&n.__H&&(n.__H.__h.length&&(xn.push(n)!==1&&_n===A.requestAnimationFrame||((_n=A.requestAnimationFrame)||dt)(ct)),n.__H.__.some(function(t){t.u&&(t.__H=t.u,t.u=void 0)})),He=P=null},A.__c=function(e,n){n.some(function(t){try{t.__h.some(ke),t.__h=t.__h.filter(function(o){return!o.__||Je(o)})}catch(o){n.some(function(i){i.__h&&(i.__h=[])}),n=[],A.__e(o,t.__v)}}),vn&&vn(e,n)},A.unmount=function(e){yn&&yn(e);var n,t=e.__c;t&&t.__H&&(t.__H.__.some(function(o){try{ke(o)}catch(i){n=i}}),t.__H=void 0,n&&A.__e(n,t.__v))};var bn=typeof requestAnimationFrame=="function";function dt(e){var n,t=function(){clearTimeout(o),bn&&cancelAnimationFrame(n),setTimeout(e)},o=setTimeout(t,35);bn&&(n=requestAnimationFrame(t))}function ke(e){var n=P,t=e.__c;typeof t=="function"&&(e.__c=void 0,t()),P=n}function Je(e){var n=P;e.__c=e.__(),P=n}function Sn(e,n){return!e||e.length!==n.length||n.some(function(t,o){return t!==e[o]})}function kn(e,n){return typeof n=="function"?n(e):n}var ft=Symbol.for("preact-signals");function Ee(){if(J>1)J--;else{var e,n=!1;for(function(){var i=$e;for($e=void 0;i!==void 0;){var r=i.S;if(r.v===i.v)for(var s=r.t;s!==void 0;s=s.x)s.i===i.i&&(s.i=r.i);i=i.o}}();fe!==void 0;){var t=fe;for(fe=void 0,Me++;t!==void 0;){var o=t.u;if(t.u=void 0,t.f&=-3,!(8&t.f)&&$n(t))try{t.c()}catch(i){n||(e=i,n=!0)}t=o}}if(Me=0,J--,n)throw e}}function Ke(e){if(J>0)return e();Ve=++lt,J++;try{return e()}finally{Ee()}}var de,$=void 0;function le(e){var n=$,t=de;$=void 0,de=void 0;try{return e()}finally{$=n,de=t}}var fe=void 0,J=0,Me=0,lt=0,Ve=0,$e=void 0,Ce=0;function Mn(e){if($!==void 0){var n=e.n;if(n===void 0||n.t!==$)return n={i:0,S:e,p:$.s,n:void 0,t:$,e:void 0,x:void 0,r:n},$.s!==void 0&&($.s.n=n),$.s=n,e.n=n,32&$.f&&e.S(n),n;if(n.i===-1)return n.i=0,n.n!==void 0&&(n.n.p=n.p,n.p!==void 0&&(n.p.n=n.n),n.p=$.s,n.n=void 0,$.s.n=n,$.s=n),n}}function R(e,n){this.v=e,this.i=0,this.n=void 0,this.t=void 0,this.l=0,this.W=n?.watched,this.Z=n?.unwatched,this.name=n?.name}R.prototype.brand=ft;R.prototype.h=function(){return!0};R.prototype.S=function(e){var n=this,t=this.t;t!==e&&e.e===void 0&&(e.x=t,this.t=e,t!==void 0?t.e=e:le(function(){var o;(o=n.W)==null||o.call(n)}))};R.prototype.U=function(e){var n=this;if(this.t!==void 0){var t=e.e,o=e.x;t!==void 0&&(t.x=o,e.e=void 0),o!==void 0&&(o.e=t,e.x=void 0),e===this.t&&(this.t=o,o===void 0&&le(function(){var i;(i=n.Z)==null||i.call(n)}))}};R.prototype.subscribe=function(e){var n=this;return Z(function(){var t=n.value;le(function(){return e(t)})},{name:"sub"})};R.prototype.valueOf=function(){return this.value};R.prototype.toString=function(){return this.value+""};R.prototype.toJSON=function(){return this.value};R.prototype.peek=function(){var e=this;return le(function(){return e.value})};Object.defineProperty(R.prototype,"value",{get:function(){var e=Mn(this);return e!==void 0&&(e.i=this.i),this.v},set:function(e){if(e!==this.v){if(Me>100)throw new Error("Cycle detected");(function(t){J!==0&&Me===0&&t.l!==Ve&&(t.l=Ve,$e={S:t,v:t.v,i:t.i,o:$e})})(this),this.v=e,this.i++,Ce++,J++;try{for(var n=this.t;n!==void 0;n=n.x)n.t.N()}finally{Ee()}}}});function z(e,n){return new R(e,n)}function $n(e){for(var n=e.s;n!==void 0;n=n.n)if(n.S.i!==n.i||!n.S.h()||n.S.i!==n.i)return!0;return!1}function Cn(e){for(var n=e.s;n!==void 0;n=n.n){var t=n.S.n;if(t!==void 0&&(n.r=t),n.S.n=n,n.i=-1,n.n===void 0){e.s=n;break}}}function En(e){for(var n=e.s,t=void 0;n!==void 0;){var o=n.p;n.i===-1?(n.S.U(n),o!==void 0&&(o.n=n.n),n.n!==void 0&&(n.n.p=o)):t=n,n.S.n=n.r,n.r!==void 0&&(n.r=void 0),n=o}e.s=t}function Q(e,n){R.call(this,void 0,n),this.x=e,this.s=void 0,this.g=Ce-1,this.f=4}Q.prototype=new R;Q.prototype.h=function(){if(this.f&=-3,1&this.f)return!1;if((36&this.f)==32||(this.f&=-5,this.g===Ce))return!0;if(this.g=Ce,this.f|=1,this.i>0&&!$n(this))return this.f&=-2,!0;var e=$;try{Cn(this),$=this;var n=this.x();(16&this.f||this.v!==n||this.i===0)&&(this.v=n,this.f&=-17,this.i++)}catch(t){this.v=t,this.f|=16,this.i++}return $=e,En(this),this.f&=-2,!0};Q.prototype.S=function(e){if(this.t===void 0){this.f|=36;for(var n=this.s;n!==void 0;n=n.n)n.S.S(n)}R.prototype.S.call(this,e)};Q.prototype.U=function(e){if(this.t!==void 0&&(R.prototype.U.call(this,e),this.t===void 0)){this.f&=-33;for(var n=this.s;n!==void 0;n=n.n)n.S.U(n)}};Q.prototype.N=function(){if(!(2&this.f)){this.f|=6;for(var e=this.t;e!==void 0;e=e.x)e.t.N()}};Object.defineProperty(Q.prototype,"value",{get:function(){if(1&this.f)throw new Error("Cycle detected");var e=Mn(this);if(this.h(),e!==void 0&&(e.i=this.i),16&this.f)throw this.v;return this.v}});function Pe(e,n){return new Q(e,n)}function Pn(e){var n=e.j;if(e.j=void 0,typeof n=="function"){J++;var t=$;$=void 0;try{n()}catch(o){throw e.f&=-2,e.f|=8,ze(e),o}finally{$=t,Ee()}}}function ze(e){for(var n=e.s;n!==void 0;n=n.n)n.S.U(n);e.x=void 0,e.s=void 0,Pn(e)}function ut(e){if($!==this)throw new Error("Out-of-order effect");En(this),$=e,this.f&=-2;try{8&this.f&&ze(this)}finally{Ee()}}function te(e,n){this.x=e,this.j=void 0,this.s=void 0,this.u=void 0,this.f=32,this.name=n?.name,de&&de.push(this)}te.prototype.c=function(){var e=this.S();try{if(8&this.f||this.x===void 0)return;var n=this.x();typeof n=="function"&&(this.j=n)}finally{e()}};te.prototype.S=function(){if(1&this.f)throw new Error("Cycle detected");this.f|=1,this.f&=-9,Pn(this),Cn(this),J++;var e=$;return $=this,ut.bind(this,e)};te.prototype.N=function(){2&this.f||(this.f|=2,this.u=fe,fe=this)};te.prototype.d=function(){this.f|=8,1&this.f||ze(this)};te.prototype.dispose=function(){this.d()};function Z(e,n){var t=new te(e,n);try{t.c()}catch(i){throw t.d(),i}var o=t.d.bind(t);return o[Symbol.dispose]=o,o}var Tn,Ae,Te,_t=typeof window<"u"&&!!window.__PREACT_SIGNALS_DEVTOOLS__;var An=[];Z(function(){Tn=this.N})();function oe(e,n){w[e]=n.bind(null,w[e]||function(){})}function ue(e){if(Te){var n=Te;Te=void 0,n()}Te=e&&e.S()}function In(e){var n=this,t=e.data,o=ht(t);o.name="ReactiveDom",o.value=t;var i=ce(function(){for(var d=n,u=n.__v;u=u.__;)if(u.__c){u.__c.__$f|=4;break}var c=Pe(function(){var f=o.value.value;return f===0?0:f===!0?"":f||""}),l=Pe(function(){return!Array.isArray(c.value)&&!qe(c.value)}),_=Z(function(){if(this.N=Rn,l.value){var f=c.value;d.__v&&d.__v.__e&&d.__v.__e.nodeType===3&&(d.__v.__e.data=f)}}),a=n.__$u.d;return n.__$u.d=function(){_(),a.call(this)},[l,c]},[]),r=i[0],s=i[1];return r.value?s.peek():s.value}In.displayName="ReactiveTextNode";Object.defineProperties(R.prototype,{constructor:{configurable:!0,value:je(H,null).constructor},type:{configurable:!0,value:In},props:{configurable:!0,get:function(){var e=this;return{data:{get value(){return e.value}}}}},__b:{configurable:!0,value:1}});oe("__b",function(e,n){if(ue(),Ae=void 0,typeof n.type=="string"){var t,o=n.props;for(var i in o)if(i!=="children"){var r=o[i];r instanceof R&&(t||(n.__np=t={}),t[i]=r,o[i]=r.peek())}}e(n)});oe("__r",function(e,n){if(e(n),n.type!==H){ue();var t,o=n.__c;o&&(o.__$f&=-2,(t=o.__$u)===void 0&&(o.__$u=t=function(i,r){var s;return Z(function(){s=this},{name:r}),s.c=i,s}(function(i){return function(){var r;_t&&((r=this.y)==null||r.call(this)),i.__$f|=1,i.setState({})}}(o),typeof n.type=="function"?n.type.displayName||n.type.name:""))),Ae=o,ue(t)}});oe("__e",function(e,n,t,o){ue(),Ae=void 0,e(n,t,o)});oe("diffed",function(e,n){ue(),Ae=void 0;var t;if(typeof n.type=="string"&&(t=n.__e)){var o=n.__np,i=n.props,r=t.U;if(r)for(var s in r){var d=r[s];d===void 0||o&&s in o||(d.d(),r[s]=void 0)}if(o){r||(r={},t.U=r);for(var u in o){var c=r[u],l=o[u];c===void 0?(c=pt(t,u,l,i),r[u]=c):c.o(l,i)}}}e(n)});function pt(e,n,t,o){var i=n in e&&e.ownerSVGElement===void 0,r=z(t);return{o:function(s,d){r.value=s,o=d},d:Z(function(){this.N=Rn;var s=r.value.value;o[n]!==s&&(o[n]=s,i?e[n]=s:s!=null&&(s!==!1||n[4]==="-")?e.setAttribute(n,s):e.removeAttribute(n))})}}oe("unmount",function(e,n){if(typeof n.type=="string"){var t=n.__e;if(t){var o=t.U;if(o){t.U=void 0;for(var i in o){var r=o[i];r&&r.d()}}}var s=n.__np;if(s){var d=n.props;for(var u in s)d[u]=s[u]}n.__np=void 0}else{var c=n.__c;if(c){c.__$f|=8;var l=c.__$u;l&&(c.__$u=void 0,l.d())}}e(n)});oe("__h",function(e,n,t,o){o<3&&(n.__$f|=2),e(n,t,o)});ne.prototype.shouldComponentUpdate=function(e,n){if(this.__R)return!0;var t=this.__$u,o=t&&t.s!==void 0;for(var i in n)return!0;if(this.__f||typeof this.u=="boolean"&&this.u===!0){var r=2&this.__$f;if(!(o||r||4&this.__$f)||1&this.__$f)return!0}else if(!(o||4&this.__$f)||3&this.__$f)return!0;for(var s in e)if(s!=="__source"&&e[s]!==this.props[s])return!0;for(var d in this.props)if(!(d in e))return!0;return!1};function ht(e,n){return ce(function(){return z(e,n)},[])}var mt=function(e){queueMicrotask(function(){queueMicrotask(e)})};function vt(){Ke(function(){for(var e;e=An.shift();)Tn.call(e)})}function Rn(){An.push(this)===1&&(w.requestAnimationFrame||mt)(vt)}function Nn(e){return typeof e=="object"&&e!==null}var Dn="x-graphql-event-stream-token";function Ln(e){if(e=e,e!=="next"&&e!=="complete")throw new Error(`Invalid stream event "${e}"`);return e}function qn(e,n){if(n)try{n=JSON.parse(n)}catch{throw new Error("Invalid stream data")}if(e==="next"&&!n)throw new Error('Stream data must be an object for "next" events');return n||null}var X;(function(e){e[e.NewLine=10]="NewLine",e[e.CarriageReturn=13]="CarriageReturn",e[e.Space=32]="Space",e[e.Colon=58]="Colon"})(X||(X={}));function Fn(){let e,n,t,o=!1,i={event:"",data:""},r=[],s=new TextDecoder;return function(u){if(e===void 0)e=u,n=0,t=-1;else{let _=new Uint8Array(e.length+u.length);_.set(e),_.set(u,e.length),e=_}let c=e.length,l=0;for(;n<c;){o&&(e[n]===X.NewLine&&(l=++n),o=!1);let _=-1;for(;n<c&&_===-1;++n)switch(e[n]){case X.Colon:t===-1&&(t=n-l);break;case X.CarriageReturn:o=!0;case X.NewLine:_=n;break}if(_===-1)break;if(l===_){if(i.event||i.data){if(!i.event)throw new Error("Missing message event");let a=Ln(i.event),f=qn(a,i.data);r.push({event:a,data:f}),i={event:"",data:""}}}else if(t>0){let a=e.subarray(l,_),f=s.decode(a.subarray(0,t)),b=t+(a[t+1]===X.Space?2:1),g=s.decode(a.subarray(b));switch(f){case"event":i.event=g;break;case"data":i.data=i.data?i.data+`
`+g:g;break}}l=n,t=-1}if(l===c){e=void 0;let _=[...r];return r=[],_}else l!==0&&(e=e.subarray(l),n-=l)}}function jn(e){let{singleConnection:n=!1,lazy:t=!0,lazyCloseTimeout:o=0,onNonLazyError:i=console.error,generateID:r=function(){return"xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx".replace(/[xy]/g,M=>{let y=Math.random()*16|0;return(M=="x"?y:y&3|8).toString(16)})},retryAttempts:s=5,retry:d=async function(M){let y=1e3;for(let h=0;h<M;h++)y*=2;await new Promise(h=>setTimeout(h,y+Math.floor(Math.random()*2700+300)))},credentials:u="same-origin",referrer:c,referrerPolicy:l,onMessage:_,on:a}=e,f=e.fetchFn||fetch,b=e.abortControllerImpl||AbortController,g=(()=>{let S=!1,M=[];return{get disposed(){return S},onDispose(y){return S?(setTimeout(()=>y(),0),()=>{}):(M.push(y),()=>{M.splice(M.indexOf(y),1)})},dispose(){if(!S){S=!0;for(let y of[...M])y()}}}})(),m,v,p=0,x=null,C=0;async function q(){try{if(g.disposed)throw new Error("Client has been disposed");return await(v??(v=(async()=>{var S,M,y;if(x){if(await d(C),m.signal.aborted)throw new Error("Connection aborted by the client");C++}(S=a?.connecting)===null||S===void 0||S.call(a,!!x),m=new b;let h=g.onDispose(()=>m.abort());m.signal.addEventListener("abort",()=>{h(),v=void 0});let N=e,E=typeof N.url=="function"?await N.url(void 0):N.url;if(m.signal.aborted)throw new Error("Connection aborted by the client");let I=typeof N.headers=="function"?await N.headers(void 0):(M=N.headers)!==null&&M!==void 0?M:{};if(m.signal.aborted)throw new Error("Connection aborted by the client");let T;try{T=await f(E,{signal:m.signal,method:"PUT",credentials:u,referrer:c,referrerPolicy:l,headers:I})}catch(F){throw new L(F)}if(T.status!==201)throw new L(T);let W=await T.text();I[Dn]=W;let V=await Un({signal:m.signal,headers:I,credentials:u,referrer:c,referrerPolicy:l,url:E,fetchFn:f,onMessage:F=>{var D;(D=a?.message)===null||D===void 0||D.call(a,F),_?.(F)}});return(y=a?.connected)===null||y===void 0||y.call(a,!!x),V.waitForThrow().catch(()=>v=void 0),V})()))}catch(S){throw v=void 0,S}}n&&!t&&(async()=>{for(p++;;)try{let{waitForThrow:S}=await q();await S()}catch(S){if(g.disposed)return;if(!(S instanceof L)||(v=void 0,!s||C>=s))return i?.(S);x=S}})();function G(S,M,y){if(!n){let E=new b,I=g.onDispose(()=>{I(),E.abort()});return(async()=>{var T,W,V,F,D;let U=null,ee=0;for(;;)try{if(U){if(await d(ee),E.signal.aborted)throw new Error("Connection aborted by the client");ee++}(T=a?.connecting)===null||T===void 0||T.call(a,!!U),(W=y?.connecting)===null||W===void 0||W.call(y,!!U);let j=e,zn=typeof j.url=="function"?await j.url(S):j.url;if(E.signal.aborted)throw new Error("Connection aborted by the client");let Yn=typeof j.headers=="function"?await j.headers(S):(V=j.headers)!==null&&V!==void 0?V:{};if(E.signal.aborted)throw new Error("Connection aborted by the client");let{getResults:Qn}=await Un({signal:E.signal,headers:{...Yn,"content-type":"application/json; charset=utf-8"},credentials:u,referrer:c,referrerPolicy:l,url:zn,body:JSON.stringify(S),fetchFn:f,onMessage:re=>{var Ie,Re;(Ie=a?.message)===null||Ie===void 0||Ie.call(a,re),(Re=y?.message)===null||Re===void 0||Re.call(y,re),_?.(re)}});(F=a?.connected)===null||F===void 0||F.call(a,!!U),(D=y?.connected)===null||D===void 0||D.call(y,!!U);for await(let re of Qn())U=null,ee=0,M.next(re);return E.abort()}catch(j){if(E.signal.aborted)return;if(!(j instanceof L)||!s||ee>=s)throw j;U=j}})().then(()=>M.complete()).catch(T=>M.error(T)),()=>E.abort()}p++;let h=new b,N=g.onDispose(()=>{N(),h.abort()});return(async()=>{let E=r();S={...S,extensions:{...S.extensions,operationId:E}};let I=null;for(;;){I=null;try{let{url:T,headers:W,getResults:V}=await q(),F;try{F=await f(T,{signal:h.signal,method:"POST",credentials:u,referrer:c,referrerPolicy:l,headers:{...W,"content-type":"application/json; charset=utf-8"},body:JSON.stringify(S)})}catch(D){throw new L(D)}if(F.status!==202)throw new L(F);I=async()=>{let D;try{let U=new b,ee=g.onDispose(()=>{ee(),U.abort()});D=await f(T+"?operationId="+E,{signal:U.signal,method:"DELETE",credentials:u,referrer:c,referrerPolicy:l,headers:W})}catch(U){throw new L(U)}if(D.status!==200)throw new L(D)};for await(let D of V({signal:h.signal,operationId:E}))x=null,C=0,M.next(D);return I=null,h.abort()}catch(T){if(h.signal.aborted)return await I?.();if(!(T instanceof L)||(t&&(v=void 0),!s||C>=s))throw h.abort(),T;x=T}finally{h.signal.aborted&&--p===0&&(isFinite(o)&&o>0?setTimeout(()=>{p||m.abort()},o):m.abort())}}})().then(()=>M.complete()).catch(E=>M.error(E)),()=>h.abort()}return{subscribe:G,iterate(S,M){let y=[],h={done:!1,error:null,resolve:()=>{}},N=G(S,{next(I){y.push(I),h.resolve()},error(I){h.done=!0,h.error=I,h.resolve()},complete(){h.done=!0,h.resolve()}},M),E=async function*(){for(;;){for(y.length||await new Promise(T=>h.resolve=T);y.length;)yield y.shift();if(h.error)throw h.error;if(h.done)return}}();return E.throw=async I=>(h.done||(h.done=!0,h.error=I,h.resolve()),{done:!0,value:void 0}),E.return=async()=>(N(),{done:!0,value:void 0}),E},dispose(){g.dispose()}}}var L=class extends Error{constructor(n){let t,o;yt(n)?(o=n,t="Server responded with "+n.status+": "+n.statusText):n instanceof Error?t=n.message:t=String(n),super(t),this.name=this.constructor.name,this.response=o}};function yt(e){return Nn(e)&&typeof e.ok=="boolean"&&typeof e.status=="number"&&typeof e.statusText=="string"}async function Un(e){let{signal:n,url:t,credentials:o,headers:i,body:r,referrer:s,referrerPolicy:d,fetchFn:u,onMessage:c}=e,l={},_={},a;try{a=await u(t,{signal:n,method:r?"POST":"GET",credentials:o,referrer:s,referrerPolicy:d,headers:{...i,accept:"text/event-stream"},body:r})}catch(g){throw new L(g)}if(!a.ok)throw new L(a);if(!a.body)throw new Error("Missing response body");let f=null,b;return(async()=>{var g;try{let m=Fn();for await(let v of gt(a.body)){if(typeof v=="string")throw f=new Error(`Unexpected string chunk "${v}"`);let p;try{p=m(v)}catch(x){throw f=x}if(p)for(let x of p){try{c?.(x)}catch(q){throw f=q}let C=x.data&&"id"in x.data?x.data.id:"";switch(C in _||(_[C]=[]),x.event){case"next":C?_[C].push(x.data.payload):_[C].push(x.data);break;case"complete":_[C].push("complete");break;default:throw f=new Error(`Unexpected message event "${x.event}"`)}(g=l[C])===null||g===void 0||g.proceed()}}if(Object.keys(l).length)throw new Error("Connection closed while having active streams")}catch(m){!f&&Object.keys(l).length?f=new L(m):f=m,b?.(f)}finally{Object.values(l).forEach(({proceed:m})=>m())}})(),{url:t,headers:i,waitForThrow:()=>new Promise((g,m)=>{if(f)return m(f);b=m}),async*getResults(g){var m;let{signal:v,operationId:p=""}=g??{};try{for(;;){for(;!((m=_[p])===null||m===void 0)&&m.length;){let x=_[p].shift();if(x==="complete")return;yield x}if(f)throw f;if(v?.aborted)throw new Error("Getting results aborted by the client");await new Promise(x=>{let C=()=>{v?.removeEventListener("abort",C),delete l[p],x()};v?.addEventListener("abort",C),l[p]={proceed:C}})}}finally{delete _[p]}}}}function gt(e){return typeof Object(e)[Symbol.asyncIterator]=="function"?(e=e,e):async function*(){let n=e.getReader(),t;do t=await n.read(),t.value!==void 0&&(yield t.value);while(!t.done)}()}var On="/graphql",Ye="geodesic.key",bt=1e4,O=class extends Error{code;constructor(n,t){super(t),this.code=n}},_e=z(sessionStorage.getItem(Ye)),Bn=z(null),pe=z(!1);function Xt(e){e===null?sessionStorage.removeItem(Ye):sessionStorage.setItem(Ye,e),_e.value=e,Bn.value=null}function Hn(e,n){return{documentId:e.sha256,operationName:e.name,variables:n}}function Jn(e=_e.value){return e===null?{}:{authorization:`Bearer ${e}`}}async function eo(e,n,t,o=_e.value){let i=await fetch(On,{method:"POST",headers:{...Jn(o),"content-type":"application/json",accept:"application/json"},body:JSON.stringify(Hn(e,n)),signal:t??null}).catch(s=>{throw t?.aborted?s:Vn()});pe.value=!1;let r=await i.json().catch(()=>{throw new O("BAD_ANSWER",`The gateway answered ${i.status} without JSON`)});if(i.status===401)throw Wn(o);return Gn(r)}function Gn(e){let n=Array.isArray(e.errors)?e.errors[0]:void 0;if(n!==void 0)throw new O(String(n.extensions?.code??"UNKNOWN"),String(n.message));return e.data}function Wn(e=_e.value){return e===_e.value&&(Bn.value=e===null?"missing":"rejected"),new O("UNAUTHENTICATED","This gateway needs a key that it knows")}function Vn(){return pe.value=!0,new O("OFFLINE","The gateway does not answer")}var xt=/(Finished|Failed|Cancelled)$/;async function no(e,n,t){let o=n.afterSeq;for(let i=500;;i=Math.min(i*2,bt)){try{for await(let r of wt(e,{id:n.id,afterSeq:o},t.signal)){let s=Object.values(r)[0];if(pe.value=!1,i=500,!(s.seq<=o)&&(o=s.seq,t.onEvent(s),xt.test(s.__typename)))return}}catch(r){if(t.signal.aborted)return;if(!(r instanceof O)||r.code!=="OFFLINE")throw r}if(t.signal.aborted)return;await new Promise(r=>setTimeout(r,i))}}async function*wt(e,n,t){let o=jn({url:On,headers:()=>Jn(),retryAttempts:0}),i=o.iterate(Hn(e,n)),r=()=>o.dispose();t.addEventListener("abort",r,{once:!0});try{for await(let s of i)yield Gn(s)}catch(s){if(s instanceof O||t.aborted)throw s;let d=s.response?.status;throw d===401?Wn():d!==void 0&&d>=400&&d<500?new O("REFUSED",`The gateway refused the stream (${d})`):Vn()}finally{t.removeEventListener("abort",r),o.dispose()}}function to(e){if("code"in e){let{code:n,message:t}=e;throw new O(n,t)}return e}var Kn=["B","kB","MB","GB","TB"];function ro(e){let n=Number(e),t=0;for(;n>=1e3&&t<Kn.length-1;t++)n/=1e3;return`${he(n)} ${Kn[t]}`}function io(e){let n=Number(e);return n>=1e9?`${he(n/1e9)}B`:n>=1e6?`${he(n/1e6)}M`:n>=1e3?`${he(n/1e3)}k`:String(n)}function ao(e){return e>=1024?`${he(e/1024)}k`:String(e)}function he(e){return e>=100?e.toFixed(0):String(Number(e.toPrecision(3)))}function so(e){return new Date(e).toLocaleDateString("en",{day:"numeric",month:"short",year:"numeric"})}function co(e){return new Date(e).toLocaleString("en",{dateStyle:"medium",timeStyle:"short"})}function fo(e){return Number(e).toLocaleString("en")}function lo(e){return e<1?`${Math.round(e*1e3)} ms`:e<90?`${e<10?e.toFixed(1):Math.round(e)} s`:`${Math.round(e/60)} min`}function uo(e){return Math.acos(Math.min(1,Math.max(-1,e)))*180/Math.PI}var _o={BFLOAT16:"bfloat16",FLOAT16:"float16",FLOAT32:"float32",FLOAT8_E4M3:"FP8"},po={FP8_E4M3:"FP8",NONE:"None"};function ho(e){return e[0]+e.slice(1).toLowerCase().replaceAll("_"," ")}var vo={name:"DefaultsPage",kind:"query",sha256:"2344c09baa4ab27feaa34737c54342d87b195a35b37494c9be7bd51c0d794734",text:`query DefaultsPage($model: ModelRef) {
  samplingDefaults(model: $model) {
    history(first: 50) {
      totalCount
      edges {
        node {
          ...Revision
        }
      }
    }
  }
  samplingParameters(model: $model) {
    ...Parameter
  }
}

fragment Revision on SamplingRevision {
  id
  revision
  author
  reason
  createdAt
  changes {
    parameter
    before
    after
  }
}

fragment Parameter on SamplingParameter {
  name
  type
  description
  default
  origin
  min
  max
  minExclusive
  maxItems
  maxLength
}`},yo={name:"UpdateDefaults",kind:"mutation",sha256:"d6a34182b669dd216ddce5bb3b4266d999d50159a2d5dbee2cb8c3f3c0c8d539",text:`mutation UpdateDefaults($input: UpdateSamplingDefaultsInput!) {
  updateSamplingDefaults(input: $input) {
    __typename
    ... on UpdateSamplingDefaultsPayload {
      revision {
        id
        revision
      }
    }
    ... on Error {
      code
      message
    }
  }
}`},go={name:"RevertDefaults",kind:"mutation",sha256:"d4c1e683b5c20a21277dbd68e5062509a10079474fc9f563859ec4c99fb25c6c",text:`mutation RevertDefaults($input: RevertSamplingDefaultsInput!) {
  revertSamplingDefaults(input: $input) {
    __typename
    ... on RevertSamplingDefaultsPayload {
      revision {
        id
        revision
      }
    }
    ... on Error {
      code
      message
    }
  }
}`},bo={name:"Merges",kind:"query",sha256:"30838a3e6edb3ac8942fb9512900951b2d86862cf58396dfe42e7faf190a0d2d",text:`query Merges($first: Int!) {
  merges(first: $first) {
    totalCount
    edges {
      node {
        ...MergeRow
      }
    }
  }
}

fragment MergeRow on Merge {
  id
  name
  status
  method
  position
  createdAt
  startedAt
  finishedAt
  error {
    code
    message
  }
  model {
    name
  }
}`},xo={name:"MergePlan",kind:"query",sha256:"d0d815b0ffa5419791976407416f189a148ca1d97774693f77cd24ec1163f72f",text:`query MergePlan($configYaml: String!) {
  mergePlan(configYaml: $configYaml) {
    ok
    problems {
      code
      message
      line
      column
    }
    documents {
      name
      method
      baseModel
      dtype
      layers
      models {
        name
        weightBytes
      }
      readBytes
      writeBytes
      estimatedSeconds
      tensors {
        name
        operation
        filter
        t
      }
      files {
        file
        bytes
      }
    }
  }
}`},wo={name:"StartMerge",kind:"mutation",sha256:"5e8076634f4c1242f48f590c6fd530c1fbbf25d65c3d52ee37419916dbeab5ad",text:`mutation StartMerge($input: StartMergeInput!) {
  startMerge(input: $input) {
    __typename
    ... on StartMergePayload {
      merge {
        ...MergeRow
      }
    }
    ... on Error {
      code
      message
    }
  }
}

fragment MergeRow on Merge {
  id
  name
  status
  method
  position
  createdAt
  startedAt
  finishedAt
  error {
    code
    message
  }
  model {
    name
  }
}`},So={name:"CancelMerge",kind:"mutation",sha256:"c041040a829fe0d4a7d45ffd3e4f7c1c4df240e4ed39cdbc3838a9e088a5c94c",text:`mutation CancelMerge($input: CancelMergeInput!) {
  cancelMerge(input: $input) {
    __typename
    ... on CancelMergePayload {
      merge {
        id
        status
      }
    }
    ... on Error {
      code
      message
    }
  }
}`},ko={name:"WatchMerge",kind:"subscription",sha256:"5ead09d03ed894a93dc9fb3841ca5b99e42c6ed6071bf988f8ea844a13d5e0d5",text:`subscription WatchMerge($id: ID!, $afterSeq: Int!) {
  mergeEvents(id: $id, afterSeq: $afterSeq) {
    __typename
    seq
    ... on MergeQueued {
      position
    }
    ... on MergeProgress {
      stage
      doneBytes
      totalBytes
      doneTensors
      totalTensors
      bytesPerSecond
      secondsLeft
    }
    ... on MergeFinished {
      artifactSha256
      model {
        name
      }
    }
    ... on MergeFailed {
      code
      message
    }
  }
}`},Mo={name:"Keys",kind:"query",sha256:"080fdb88b024f13f68e149e41016f48a8dd5f084c4856b831302b49fe84c4b3d",text:`query Keys {
  apiKeys {
    id
    label
    prefix
    role
    createdAt
    revokedAt
    expiresAt
    lastUsedAt
  }
}`},$o={name:"CreateKey",kind:"mutation",sha256:"8e888b5e2905221b8f259621e7356bc37b4ff159ce63e39144289b45237f8ca5",text:`mutation CreateKey($input: CreateApiKeyInput!) {
  createApiKey(input: $input) {
    __typename
    ... on CreateApiKeyPayload {
      secret
      apiKey {
        id
        label
      }
    }
    ... on Error {
      code
      message
    }
  }
}`},Co={name:"RevokeKey",kind:"mutation",sha256:"1e7332d43f00d8158c6d7e2b578be0e1d40209033bfe4f706c6f2fd156861997",text:`mutation RevokeKey($input: RevokeApiKeyInput!) {
  revokeApiKey(input: $input) {
    __typename
    ... on RevokeApiKeyPayload {
      revokedId
    }
    ... on Error {
      code
      message
    }
  }
}`},Eo={name:"EngineState",kind:"query",sha256:"90a23de465beba1876d1ea661a207d1c6db0aa71477443126771a278e996efbc",text:`query EngineState {
  runtime {
    batchSize
    running
    waiting
    tokensPerSecond
    generatedTokens
    kvBlocksTotal
    kvBlocksUsed
    steps
    stepsPerSubmit
    dispatchesPerStep
    device {
      adapter
      backend
      vendor
      software
    }
    engine {
      state
      reason
      restarts
      attempt
      retryAt
    }
    models {
      key
      running
      waiting
      weightBytes
      kvCacheBytes
      kvBlocksTotal
      kvBlocksUsed
      kvBlocksCached
      preemptions
      prefixCacheHits
      prefixCacheQueries
    }
  }
}`},Po={name:"AuditLog",kind:"query",sha256:"c2697f69dd47014e44a79d2dac99de62075ca94338251aa93957f4f6fee52edd",text:`query AuditLog($first: Int!, $after: String, $where: AuditFilter) {
  auditLog(first: $first, after: $after, where: $where) {
    totalCount
    pageInfo {
      hasNextPage
      endCursor
    }
    edges {
      node {
        seq
        action
        actorId
        actorLabel
        target
        details
        at
        hash
      }
    }
  }
}`},To={name:"VerifyAuditLog",kind:"query",sha256:"9501458266c8e6a45aa00bef39a202c3bd93c9fc42045688b4bfad7ca378f925",text:`query VerifyAuditLog {
  verifyAuditLog {
    isIntact
    entries
    headHash
    brokenSeq
    reason
  }
}`},Ao={name:"Usage",kind:"query",sha256:"a737207f007d5bd8d375c856ca0b39509b4d0d7d594e49ec35e7828bff057bd6",text:`query Usage {
  usage(first: 100) {
    edges {
      node {
        day
        principalId
        generations
        promptTokens
        cachedTokens
        completionTokens
        engineMs
        model {
          name
        }
      }
    }
  }
}`},Io={name:"Models",kind:"query",sha256:"caa0f475e018f3b9a3a1c0f666b2f217647cde575a47e22ffba77d8d76a5865c",text:`query Models($first: Int!, $after: String, $where: ModelFilter) {
  models(first: $first, after: $after, where: $where) {
    totalCount
    pageInfo {
      hasNextPage
      endCursor
    }
    edges {
      node {
        ...Card
        parents {
          name
        }
        provenance {
          method
        }
      }
    }
  }
}

fragment Card on Model {
  ...Residency
  author
  task
  architecture
  parameterCount
  license
  publishedAt
  createdAt
  nativeContextLength
  servedContextLength
  nativeDtype
  servedQuantization
  concurrencyCost
}

fragment Residency on Model {
  id
  name
  residency {
    ...ResidencyState
  }
}

fragment ResidencyState on Residency {
  state
  fraction
  stage
  since
  secondsLeft
  error {
    code
    message
  }
}`},Ro={name:"ModelNames",kind:"query",sha256:"a1d8d96f52cb82d5bf4dfb00b060d191298d2521cbfc58709412058dd7749d39",text:`query ModelNames {
  models(first: 100) {
    edges {
      node {
        ...Residency
        concurrencyCost
        parents {
          name
        }
      }
    }
  }
}

fragment Residency on Model {
  id
  name
  residency {
    ...ResidencyState
  }
}

fragment ResidencyState on Residency {
  state
  fraction
  stage
  since
  secondsLeft
  error {
    code
    message
  }
}`},No={name:"ModelPage",kind:"query",sha256:"97084d96c0092458b8842240c5a4c0002f283306f04a824a0fd569e3227395f0",text:`query ModelPage($ref: ModelRef!) {
  model(ref: $ref) {
    ...Card
    description
    artifact {
      manifestSha256
      sizeBytes
      files {
        path
        sha256
        sizeBytes
      }
    }
    parents {
      ...Card
      provenance {
        method
      }
      artifact {
        manifestSha256
      }
    }
    descendants {
      id
      name
    }
    declaredParents {
      name
      isBase
      model {
        name
      }
    }
    recipe {
      method
      configYaml
      configSha256
    }
    origin {
      repository
      revision
    }
    provenance {
      id
      method
      dtype
      status
      toolVersion
      configYaml
      configSha256
      startedAt
      finishedAt
      baseModel {
        name
      }
      sources {
        name
        layerRange
        isBase
        artifactSha256
        model {
          name
        }
      }
      parameters {
        name
        filter
        value
        gradient
      }
      curves {
        filter
        t
      }
    }
  }
}

fragment Card on Model {
  ...Residency
  author
  task
  architecture
  parameterCount
  license
  publishedAt
  createdAt
  nativeContextLength
  servedContextLength
  nativeDtype
  servedQuantization
  concurrencyCost
}

fragment Residency on Model {
  id
  name
  residency {
    ...ResidencyState
  }
}

fragment ResidencyState on Residency {
  state
  fraction
  stage
  since
  secondsLeft
  error {
    code
    message
  }
}`},Do={name:"ModelEvents",kind:"subscription",sha256:"ce9c948fbc7f54101819f0295b487f7d802121a77331d87cffcb9ebc529e7790",text:`subscription ModelEvents($ref: ModelRef) {
  modelEvents(ref: $ref) {
    news
    residency {
      ...ResidencyState
    }
    model {
      id
      name
    }
  }
}

fragment ResidencyState on Residency {
  state
  fraction
  stage
  since
  secondsLeft
  error {
    code
    message
  }
}`},Lo={name:"ModelJobs",kind:"query",sha256:"113fef19561e23b2573d9ddd7921d3ec1763585a084349f8492bc2d3c27dfcf3",text:`query ModelJobs($first: Int!, $where: ModelJobFilter) {
  modelJobs(first: $first, where: $where) {
    edges {
      node {
        ...JobRow
        verification {
          ...Verified
        }
      }
    }
  }
}

fragment JobRow on ModelJob {
  id
  kind
  status
  modelName
  repository
  createdAt
  finishedAt
  error {
    code
    message
  }
  model {
    name
  }
}

fragment Verified on ModelVerification {
  ok
  files
  hashedTensors
  recomputedTensors
  totalTensors
  manifestSha256
  mismatchCount
  mismatches {
    kind
    subject
    expected
    found
    stage
    field
  }
  sources {
    name
    state
  }
}`},qo={name:"VerifyModel",kind:"mutation",sha256:"80e25bfb2453a0f21a4a48f9c9aebe1993a17d2961d16a0bab4cceda917ab8a0",text:`mutation VerifyModel($input: VerifyModelInput!) {
  verifyModel(input: $input) {
    __typename
    ... on VerifyModelPayload {
      job {
        ...JobRow
      }
    }
    ... on Error {
      code
      message
    }
  }
}

fragment JobRow on ModelJob {
  id
  kind
  status
  modelName
  repository
  createdAt
  finishedAt
  error {
    code
    message
  }
  model {
    name
  }
}`},Fo={name:"PullModel",kind:"mutation",sha256:"853c1600214b5bff90c70f08734ce4ef8da9978d635575a40631ebc85956ddb4",text:`mutation PullModel($input: PullModelInput!) {
  pullModel(input: $input) {
    __typename
    ... on PullModelPayload {
      job {
        ...JobRow
      }
    }
    ... on Error {
      code
      message
    }
  }
}

fragment JobRow on ModelJob {
  id
  kind
  status
  modelName
  repository
  createdAt
  finishedAt
  error {
    code
    message
  }
  model {
    name
  }
}`},Uo={name:"CancelJob",kind:"mutation",sha256:"6eb5c2ea659b99e59785c88f9c67bcd71d030215c590f01c212f4730dc4a9e01",text:`mutation CancelJob($input: CancelModelJobInput!) {
  cancelModelJob(input: $input) {
    __typename
    ... on CancelModelJobPayload {
      job {
        id
        status
      }
    }
    ... on Error {
      code
      message
    }
  }
}`},jo={name:"WatchJob",kind:"subscription",sha256:"76de383f08a0e6f6acae620154c8355b5827ae2b5b3c169b4a0543cf1c9d8126",text:`subscription WatchJob($id: ID!, $afterSeq: Int!) {
  modelJobEvents(id: $id, afterSeq: $afterSeq) {
    __typename
    seq
    ... on ModelJobProgress {
      stage
      doneBytes
      totalBytes
      doneItems
      totalItems
      bytesPerSecond
      secondsLeft
    }
    ... on ModelJobFailed {
      code
      message
    }
    ... on ModelJobFinished {
      job {
        model {
          name
        }
        verification {
          ...Verified
        }
      }
    }
  }
}

fragment Verified on ModelVerification {
  ok
  files
  hashedTensors
  recomputedTensors
  totalTensors
  manifestSha256
  mismatchCount
  mismatches {
    kind
    subject
    expected
    found
    stage
    field
  }
  sources {
    name
    state
  }
}`},Oo={name:"MergeTensors",kind:"query",sha256:"04510802c24cb78f8ee9955f80358c22ced620466d249f6b1090fec8f0351199",text:`query MergeTensors($id: ID!, $first: Int!, $after: String, $where: MergeTensorFilter, $orderBy: MergeTensorOrder) {
  merge(id: $id) {
    id
    tensors(first: $first, after: $after, where: $where, orderBy: $orderBy) {
      totalCount
      pageInfo {
        hasNextPage
        endCursor
      }
      edges {
        node {
          name
          layer
          filter
          t
          mode
          cosine
          outputSha256
        }
      }
    }
  }
}`},Bo={name:"LoadModel",kind:"mutation",sha256:"2592235f2f842cd717f2c52cd6bb3b1c42f7f9770524a49cd854435948f9cbaf",text:`mutation LoadModel($input: LoadModelInput!) {
  loadModel(input: $input) {
    __typename
    ... on LoadModelPayload {
      model {
        ...Residency
      }
    }
    ... on Error {
      code
      message
    }
  }
}

fragment Residency on Model {
  id
  name
  residency {
    ...ResidencyState
  }
}

fragment ResidencyState on Residency {
  state
  fraction
  stage
  since
  secondsLeft
  error {
    code
    message
  }
}`},Ho={name:"UnloadModel",kind:"mutation",sha256:"1664d1f8ae21da7329b3802f03c35dca5731dedc6ca008711deeeeac30b97993",text:`mutation UnloadModel($input: UnloadModelInput!) {
  unloadModel(input: $input) {
    __typename
    ... on UnloadModelPayload {
      model {
        ...Residency
      }
    }
    ... on Error {
      code
      message
    }
  }
}

fragment Residency on Model {
  id
  name
  residency {
    ...ResidencyState
  }
}

fragment ResidencyState on Residency {
  state
  fraction
  stage
  since
  secondsLeft
  error {
    code
    message
  }
}`},Jo={name:"Sessions",kind:"query",sha256:"4f3ce53c8931a9e3137fe5889cacbd7600a7e1dc42d087640c05e7db976228c3",text:`query Sessions($first: Int!, $after: String) {
  sessions(first: $first, after: $after) {
    totalCount
    pageInfo {
      hasNextPage
      endCursor
    }
    edges {
      node {
        id
        title
        updatedAt
        model {
          name
        }
      }
    }
  }
}`},Go={name:"SessionPage",kind:"query",sha256:"685e53805b532162908e3ae5132861de39a504d1888716da10ce934c7e649997",text:`query SessionPage($id: ID!, $after: String) {
  session(id: $id) {
    id
    title
    contextPolicy
    model {
      id
      name
    }
    openGeneration {
      id
    }
    messages(first: 20, after: $after) {
      totalCount
      pageInfo {
        hasNextPage
        endCursor
      }
      edges {
        node {
          ...Said
        }
      }
    }
  }
}

fragment Said on Message {
  id
  role
  content
  createdAt
  branchIndex
  branchCount
  siblings {
    id
  }
  generation {
    id
    status
    finishReason
    artifactSha256
    usage {
      promptTokens
      completionTokens
      cachedTokens
    }
    timings {
      ttftMs
      decodeTokensPerSecond
    }
  }
}`},Wo={name:"CreateSession",kind:"mutation",sha256:"b4edf41ddb830166c81ce3746bd876638f05045eea12c2590bd3b0b7c7dd5408",text:`mutation CreateSession($input: CreateSessionInput!) {
  createSession(input: $input) {
    __typename
    ... on CreateSessionPayload {
      session {
        id
        title
        updatedAt
        model {
          name
        }
      }
    }
    ... on Error {
      code
      message
    }
  }
}`},Vo={name:"DeleteSession",kind:"mutation",sha256:"e805f8cdf8de500895dee1d52aa1df2f1372b2c4d39bcf8cfaa0280530b41eba",text:`mutation DeleteSession($input: DeleteSessionInput!) {
  deleteSession(input: $input) {
    __typename
    ... on DeleteSessionPayload {
      deletedId
    }
    ... on Error {
      code
      message
    }
  }
}`},Ko={name:"Parameters",kind:"query",sha256:"687543e11e11b889bb3f7e4c8295d02d970bcbbbf8cb09ac49c8d80cf6842747",text:`query Parameters($model: ModelRef) {
  samplingParameters(model: $model) {
    ...Parameter
  }
}

fragment Parameter on SamplingParameter {
  name
  type
  description
  default
  origin
  min
  max
  minExclusive
  maxItems
  maxLength
}`},zo={name:"StartGeneration",kind:"mutation",sha256:"0c81abb73ccb16f0b334bd7b74fab2fd4b3be865c3dff1b15c150522107dbe87",text:`mutation StartGeneration($input: GenerateInput!) {
  startGeneration(input: $input) {
    __typename
    ... on StartGenerationPayload {
      generation {
        id
        status
      }
    }
    ... on Error {
      code
      message
    }
  }
}`},Yo={name:"CancelGeneration",kind:"mutation",sha256:"596f0a9b5919ab358a505a53a8670913e5af9247ef2c239df0905bbd2e1d0c8b",text:`mutation CancelGeneration($input: CancelGenerationInput!) {
  cancelGeneration(input: $input) {
    __typename
    ... on CancelGenerationPayload {
      generation {
        id
        status
      }
    }
    ... on Error {
      code
      message
    }
  }
}`},Qo={name:"WatchGeneration",kind:"subscription",sha256:"c0995ca19784d1bb088845e83a4c71df92bde0fcb7ac5a4a0071b975bc6b6917",text:`subscription WatchGeneration($id: ID!, $afterSeq: Int!) {
  generationEvents(id: $id, afterSeq: $afterSeq) {
    __typename
    seq
    ... on GenerationQueued {
      position
    }
    ... on GenerationLoading {
      stage
      fraction
    }
    ... on PromptProcessed {
      promptTokens
      cachedTokens
    }
    ... on TokensGenerated {
      text
      tokens {
        id
        text
        logprob
        top {
          id
          text
          logprob
        }
      }
    }
    ... on GenerationFinished {
      finishReason
      text
      usage {
        promptTokens
        completionTokens
        cachedTokens
      }
      timings {
        queueMs
        prefillMs
        ttftMs
        decodeMs
        decodeTokensPerSecond
      }
    }
    ... on ContextTrimmed {
      droppedMessages
      keptMessages
    }
    ... on GenerationFailed {
      code
      message
    }
    ... on GenerationCancelled {
      usage {
        promptTokens
        completionTokens
        cachedTokens
      }
    }
  }
}`},Zo={name:"Regenerate",kind:"mutation",sha256:"bfa1c7d1c286ee2d5f7aa68d7de92563ca65ac279bd2f7d5914b48c796e031b3",text:`mutation Regenerate($input: RegenerateInput!) {
  regenerate(input: $input) {
    __typename
    ... on RegeneratePayload {
      generation {
        id
        status
      }
    }
    ... on Error {
      code
      message
    }
  }
}`},Xo={name:"EditMessage",kind:"mutation",sha256:"9c714f9a5c18e159c14f51b95f5a0bfe5740f45e05186a155b50af423f301b30",text:`mutation EditMessage($input: EditMessageInput!) {
  editMessage(input: $input) {
    __typename
    ... on EditMessagePayload {
      generation {
        id
        status
      }
    }
    ... on Error {
      code
      message
    }
  }
}`},er={name:"SelectBranch",kind:"mutation",sha256:"7319991eb1a8812937370138efffcd6e2de1458989b64ff7f46fa48cd13ff325",text:`mutation SelectBranch($input: SelectBranchInput!) {
  selectBranch(input: $input) {
    __typename
    ... on SelectBranchPayload {
      session {
        id
      }
    }
    ... on Error {
      code
      message
    }
  }
}`},nr={name:"SetContextPolicy",kind:"mutation",sha256:"48b5604b5706d2b7e5d1f01e0746b468e785926232c06a50fedacc2c331fec90",text:`mutation SetContextPolicy($input: SetContextPolicyInput!) {
  setContextPolicy(input: $input) {
    __typename
    ... on SetContextPolicyPayload {
      session {
        id
        contextPolicy
      }
    }
    ... on Error {
      code
      message
    }
  }
}`},tr={name:"ExportSession",kind:"query",sha256:"7509b12a047bb48a4043a5972c66d407d5c45c5fbc503556bd916be65e8c2b19",text:`query ExportSession($id: ID!, $format: ExportFormat!) {
  exportSession(id: $id, format: $format) {
    content
    fileName
    mediaType
  }
}`},or={name:"DefaultsChanged",kind:"subscription",sha256:"0849d7c0d3e781f56b05b38c7f98b3ffacd1f1b8532cd7483fc738b53736bbad",text:`subscription DefaultsChanged($model: ModelRef) {
  samplingDefaultsChanged(model: $model) {
    values {
      temperature
    }
  }
}`},rr={name:"Viewer",kind:"query",sha256:"649702a865e491aaa80ca96ac68661adb25e9790e30270504e61a1b715774cce",text:`query Viewer {
  viewer {
    id
    role
    concurrencyUnitsAllowed
    concurrencyUnitsHeld
  }
}`};function St({text:e,label:n,small:t}){let[o,i]=wn("no");return We(()=>{if(o==="no")return;let s=setTimeout(()=>i("no"),1800);return()=>clearTimeout(s)},[o]),k("button",{type:"button",class:t?"quiet small":"quiet",onClick:()=>void(navigator.clipboard?.writeText(e)??Promise.reject()).then(()=>i("yes"),()=>i("failed")),"aria-label":t?n:void 0,children:[o==="yes"?"Copied":o==="failed"?"Not allowed":t?"Copy":n,k("span",{class:"unseen",role:"status",children:o==="yes"?"Copied":""})]})}function dr({value:e,what:n}){return k("span",{class:"hash",children:[k("code",{title:e,children:[e.slice(0,12),"\u2026"]}),k(St,{text:e,label:`Copy the SHA-256 of ${n}`,small:!0})]})}function fr({error:e,retry:n}){return k("div",{class:"problem",role:"alert",children:[k("p",{children:[k("strong",{children:e.code==="OFFLINE"?"Offline":"That did not work"})," ",e.message,e.code!=="OFFLINE"&&k("code",{children:e.code})]}),n&&k("button",{type:"button",class:"quiet",onClick:n,children:"Try again"})]})}function lr({what:e}){return k("div",{class:"loading",role:"status",children:[k("span",{class:"orbit","aria-hidden":"true"}),k("span",{children:[pe.value?"Waiting for the gateway":`Loading ${e}`," \u2026"]})]})}function ur({title:e,children:n,isPage:t}){return k("div",{class:"empty",children:[k("svg",{viewBox:"0 0 48 48","aria-hidden":"true",children:[k("circle",{cx:"24",cy:"24",r:"20"}),k("ellipse",{cx:"24",cy:"24",rx:"8",ry:"20"}),k("path",{d:"M4 24h40"})]}),k(t?"h1":"p",{class:"empty-title",children:e}),n]})}function _r({value:e,label:n}){return k("progress",{value:e,max:1,"aria-label":n,children:[Math.round(e*100)," %"]})}var kt={COLD:"Cold",WARM:"Warm",UNLOADING:"Unloading",FAILED:"Failed",MISSING_WEIGHTS:"No weights"};function pr({residency:e}){let n=e.state==="LOADING"?`Loading ${Math.round(e.fraction*100)} %`:kt[e.state]??e.state;return k("span",{class:`badge ${e.state.toLowerCase()}`,title:e.error?.message??e.stage??"",children:[k("span",{class:"dot","aria-hidden":"true"}),n]})}function hr({title:e,note:n,children:t,id:o}){return k("section",{class:"section",id:o,children:[k("header",{children:[k("h2",{children:e}),n&&k("p",{class:"note",children:n})]}),t]})}export{H as a,Mt as b,k as c,wn as d,We as e,st as f,It as g,z as h,O as i,_e as j,Bn as k,pe as l,Xt as m,eo as n,no as o,wt as p,to as q,ro as r,io as s,ao as t,so as u,co as v,fo as w,lo as x,uo as y,_o as z,po as A,ho as B,vo as C,yo as D,go as E,bo as F,xo as G,wo as H,So as I,ko as J,Mo as K,$o as L,Co as M,Eo as N,Po as O,To as P,Ao as Q,Io as R,Ro as S,No as T,Do as U,Lo as V,qo as W,Fo as X,Uo as Y,jo as Z,Oo as _,Bo as $,Ho as aa,Jo as ba,Go as ca,Wo as da,Vo as ea,Ko as fa,zo as ga,Yo as ha,Qo as ia,Zo as ja,Xo as ka,er as la,nr as ma,tr as na,or as oa,rr as pa,St as qa,dr as ra,fr as sa,lr as ta,ur as ua,_r as va,pr as wa,hr as xa};
